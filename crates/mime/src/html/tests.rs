use proptest::prelude::*;

use super::*;

#[test]
fn shows_what_html_says() {
    let rows: &[(&str, &str, &str)] = &[
        ("text", "Hello  <b>big</b>\n world", "Hello big world\n"),
        ("paragraphs", "<p>One<p>Two</p>\n<p>Three</p>", "One\n\nTwo\n\nThree\n"),
        ("breaks", "a<br>b<br/>c<br><br><br>d", "a\nb\nc\n\nd\n"),
        ("blocks", "<div>a<div>b</div></div><div>c</div>", "a\nb\nc\n"),
        (
            "entities",
            "a&nbsp;&amp;&lt;b&gt; &eacute;&#233;&#xE9;&#128;&hellip; AT&T &bogus; &copy",
            "a &<b> ééé€… AT&T &bogus; ©\n",
        ),
        (
            "an address in an attribute",
            "<a href='https://x.test/?a=1&copy=2&amp;b=3'>x</a>",
            "x <https://x.test/?a=1&copy=2&b=3>\n",
        ),
        (
            "link",
            "<a href=\"https://example.org/a?b=1&amp;c=2\">the <b>page</b></a>.",
            "the page <https://example.org/a?b=1&c=2>.\n",
        ),
        (
            "link to what it says",
            "<a href=https://example.org/>example.org</a> <a href='mailto:a@b'>a@b</a>",
            "example.org a@b\n",
        ),
        (
            "link around a paragraph",
            "<a href=https://x.test/><p>one</p><p>two</p></a>after",
            "one\n\ntwo <https://x.test/>\n\nafter\n",
        ),
        ("link with a control", "<a href='https://x.test/\u{1b}'>x</a>", "x\n"),
        ("link that is a script", "<a href='javascript:alert(1)'>x</a><a href='#top'>y</a>", "xy\n"),
        (
            "link around a picture",
            "a<p><a href='https://x.test/'><img src=1></a><br><a href='https://y.test/'><br><img src=1 alt=' '></a>b <a href='https://z.test/'><img alt=Shop></a>",
            "a\n\n<https://x.test/>\n\n<https://y.test/> b Shop <https://z.test/>\n",
        ),
        ("link around nothing", "a<a href='https://x.test/'> </a><img>b", "a b\n"),
        ("lists", "<ul><li>a<li>b<ol><li>c</li><li>d</li></ol></ul>e", "- a\n- b\n  1. c\n  2. d\n\ne\n"),
        (
            "table",
            "<table><tr><th>Name<th>Sum</tr><tr><td>Ann</td><td>7</td></tr></table>after",
            "Name | Sum\nAnn | 7\n\nafter\n",
        ),
        ("numbers", "<ol start=3><li>a<li>b</ol><ol start=x><li>c</ol>", "3. a\n4. b\n\n1. c\n"),
        ("rows that are not closed", "<table><tr><td>a<td>b<tr><td>c<td>d</table>", "a | b\nc | d\n"),
        (
            "cells with paragraphs",
            "<table><tr><td><p>a</p></td>\n<td>\n<p>b</p><p>c</p></td><td><div>d</div></td></tr><tr><td><p>e</p><td><p>f</table>g",
            "a | b\n\nc\n\nd\ne | f\n\ng\n",
        ),
        (
            "rows with paragraphs",
            "<table>\n <tr>\n <td><p>a</p></td>\n <td><p>b</p></td>\n </tr>\n <tr>\n <td><p>c</p></td>\n <td><p></p></td></tr></table>",
            "a | b\nc |\n",
        ),
        (
            "paragraphs, each a row",
            "<table><tr><td><p>a</p></td></tr><tr><td><p>b</p></td></tr></table>",
            "a\n\nb\n",
        ),
        ("a list in a cell", "<table><tr><td>a<td><ul><li>b<li>c</ul></table>", "a |\n\n- b\n- c\n"),
        (
            "a table in a cell",
            "<table><tr><td><table><tr><td>a<td>b</table><td>c<td></table>d",
            "a | b\n\nc |\n\nd\n",
        ),
        (
            "quotation",
            "before<blockquote>one<br>two<blockquote>three</blockquote></blockquote>",
            "before\n\n> one\n> two\n\n> > three\n",
        ),
        ("pre with each kind of line end", "<pre>a\r\nb\rc\nd\r\r\ne</pre>", "a\nb\nc\nd\n\ne\n"),
        ("pre", "<pre>a  b\n  c\n\n\nd</pre>e", "a  b\n  c\n\n\nd\n\ne\n"),
        (
            "not for people",
            "<style>p{}</style><script>x<y</script>a<!-- <b> -->b<![if x]>c<?xml ?>d<title>t</title>",
            "abcd\n",
        ),
        ("comments", "a<!-->b<!--[if mso]>c<![endif]-->d<!--[if !mso]><!-->e<!--<![endif]-->f", "abdef\n"),
        ("a script that names itself", "<script>'</scripts>'</script >a", "a\n"),
        ("hidden", "<div style='display: none'>preview<div>x</div></div>a<span hidden>b</span>c", "ac\n"),
        (
            "hidden in other ways",
            "<p style='MAX-HEIGHT: 0px !important; overflow: hidden'>b</p><i style='opacity:0'>c</i><b style='visibility : hidden'>d</b>e",
            "e\n",
        ),
        (
            "a hidden paragraph that is not closed",
            "<p hidden>a<b>b</b><!-- x --><P>c<p hidden>d<div>e</div>",
            "c\ne\n",
        ),
        (
            "addresses that nobody escaped",
            "<p>Ann <ann@x.test> <https://x.test/a?b> <o:p x='a@b'>c</o:p><a\u{e4}></p>",
            "Ann <ann@x.test> <https://x.test/a?b> c\n",
        ),
        ("a text that is called HTML", "one &amp;\r\n  two\n\n\nthree\n", "one &\n  two\n\n\nthree\n"),
        (
            "empty paragraphs of Outlook",
            "<p>a</p><p>&nbsp;</p><p><o:p>\u{A0}</o:p></p><p>b</p><div>c</div><div>&nbsp;</div><div>d<br>&nbsp;<br>e</div>",
            "a\n\nb\n\nc\n\nd\n\ne\n",
        ),
        (
            "what no-break spaces indent",
            "<p>&nbsp;&nbsp;a&nbsp;b</p><table><tr><td>&nbsp;<td>c<tr><td>&nbsp;<tr><td>d</table>",
            "  a b\n\nc\nd\n",
        ),
        (
            "styles that hide nothing",
            "<p style='max-height:0'>a</p><i style='opacity:0.9'>b</i><b style='overflow:hidden; max-height:10px'>c</b>",
            "a\n\nbc\n",
        ),
        ("invisible", "a&shy;b&#8203;c\u{FEFF}", "abc\u{FEFF}\n"),
        ("picture", "<img alt='Logo of us' src='cid:1'>text", "Logo of us text\n"),
        ("rule", "a<hr>b", "a\n----------\nb\n"),
        ("no tags", "1 < 2 <3 a<b", "1 < 2 <3 a\n"),
        ("a tag that does not end", "a <b class='x", "a\n"),
        ("quotes that do not end", "a <b class='x>y</b> z <i>w</i>", "a y z w\n"),
        (
            "a script that only seems to end",
            "a<script/>x</script><style />y</style><svg/>b<title/>c",
            "abc\n",
        ),
        ("a script that does not end", "a<script>b<p>c", "a\n"),
        ("stray closers", "</p></ul></blockquote></a>a", "a\n"),
        ("upper case", "<P>A<BR>B</P><SCRIPT>x</SCRIPT>", "A\nB\n"),
        ("empty", "", ""),
        ("nothing to see", "<p>&nbsp;</p>", ""),
    ];
    for (name, html, want) in rows {
        assert_eq!(html_to_text(html), *want, "{name}: {html}");
    }
}

#[test]
fn keeps_to_its_limits() {
    let deep = "<blockquote>".repeat(50_000) + "x";
    assert_eq!(html_to_text(&deep), "> ".repeat(16) + "x\n");
    let deep = "<ul><li>x".repeat(2_000);
    assert!(html_to_text(&deep).len() <= 2_000 * 40);
    for (len, is_shown) in [(2_000, true), (2_001, false)] {
        let address = alloc::format!("https://x/{}", "y".repeat(len - "https://x/".len()));
        let text = html_to_text(&alloc::format!("<a href='{address}'>x</a>"));
        assert_eq!(text, if is_shown { alloc::format!("x <{address}>\n") } else { "x\n".into() }, "{len}");
    }
    let limits = HtmlLimits { octets: 4, ..HtmlLimits::default() };
    assert_eq!(html_to_text_with("abü", &limits), "abü\n");
    assert_eq!(html_to_text_with("abcü", &limits), "abc\n");
}

/// Each was quadratic in one renderer or other: here such a test would not end, and none of them makes text that is not
/// there.
#[test]
fn takes_linear_time() {
    for unit in [
        "<",
        "<a ",
        "<a href=\"",
        "<a href='x' ",
        "</",
        "&",
        "&#",
        "<!--",
        "<!",
        "<b a=' ",
        "<div style='display:none'>",
        "<script>",
        "<a href=x>",
        "<table><tr><td>",
        "<a@",
        "<p hidden>",
        "&nbsp;",
        "<p>&nbsp;",
    ] {
        let html = unit.repeat(100_000);
        let text = html_to_text(&html);
        assert!(text.len() <= html.len().saturating_add(1), "{unit}: {} of {}", text.len(), html.len());
    }
}

proptest! {
    #[test]
    fn never_panics_and_shows_no_tag(html in "(<[a-z/!]{0,3}|[a-z]{1,2}( href)?|>|=|'|\"|&#?x?|[0-9]|;| |\n|ü|<p>|<pre>|<li>|<ul>|</ul>){0,60}") {
        let text = html_to_text(&html);
        prop_assert!(text.is_empty() || text.ends_with('\n'));
    }
}
