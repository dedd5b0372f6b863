//! The pages that a browser shows: one file each, without scripts, and with nothing of the address in them.

use crate::advice::Language;

/// A page in HTML.
pub(super) struct Page(String);

impl Page {
    pub(super) fn html(&self) -> &str {
        &self.0
    }

    /// Says that the login is complete.
    pub(super) fn done(language: Language, user: Option<&str>) -> Self {
        let (title, text, end) = match language {
            Language::Chinese => ("登录成功", "已登录", "现在可以关闭此窗口，回到 Mailbearer。"),
            _ => {
                ("You are logged in", "Logged in as", "You can close this window and go back to Mailbearer.")
            }
        };
        let user = user.map(|user| format!("<p>{text} <b>{}</b></p>", escape(user))).unwrap_or_default();
        Self::new(language, Mark::Good, title, &format!("{user}<p>{end}</p>"))
    }

    /// Says that the provider refused, or that something failed afterwards. `known` is the cause and what to do.
    pub(super) fn failed(language: Language, error: &str, known: Option<(&str, &str)>) -> Self {
        let (title, said, end) = match language {
            Language::Chinese => ("登录未完成", "详细信息", "请关闭此窗口，回到 Mailbearer 重试。"),
            _ => ("The login did not work", "Details", "Close this window and go back to Mailbearer."),
        };
        let known = known.map(|(cause, fix)| format!("<p>{}</p><p>{}</p>", sentence(cause), sentence(fix)));
        let known = known.unwrap_or_default();
        let body = format!("{known}<h2>{said}</h2><p class=\"said\">{}</p><p>{end}</p>", escape(error));
        Self::new(language, Mark::Bad, title, &body)
    }

    /// Answers the redirect of another login: of a second tab, or an old one.
    pub(super) fn another_login(language: Language) -> Self {
        let (title, text) = match language {
            Language::Chinese => {
                ("这不是当前的登录", "此地址属于另一次登录。请回到打开的登录页面，或从 Mailbearer 重新开始。")
            }
            _ => (
                "This is not the login that is waited for",
                "The address belongs to another login. Go on in the window that was opened last, or start again from \
                 Mailbearer.",
            ),
        };
        Self::new(language, Mark::Bad, title, &format!("<p>{text}</p>"))
    }

    /// Answers anything else.
    pub(super) fn wrong(language: Language, reason: &str) -> Self {
        let (title, text) = match language {
            Language::Chinese => ("此处没有内容", "Mailbearer 正在等待登录完成。"),
            _ => ("There is nothing here", "Mailbearer waits here for a login to be completed."),
        };
        Self::new(
            language,
            Mark::Bad,
            title,
            &format!("<p>{text}</p><p class=\"said\">{}</p>", escape(reason)),
        )
    }

    fn new(language: Language, mark: Mark, title: &str, body: &str) -> Self {
        let lang = match language {
            Language::Chinese => "zh",
            _ => "en",
        };
        let (class, sign) = match mark {
            Mark::Good => ("good", "✓"),
            Mark::Bad => ("bad", "!"),
        };
        Self(format!(
            "<!DOCTYPE html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"robots\" content=\"noindex\">\n<title>{title} - Mailbearer</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<main class=\"{class}\">\n\
             <div class=\"mark\" aria-hidden=\"true\">{sign}</div>\n<h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
        ))
    }
}

enum Mark {
    Good,
    Bad,
}

const STYLE: &str = "\
:root{color-scheme:light dark}\
*{box-sizing:border-box}\
body{margin:0;min-height:100vh;display:flex;align-items:center;justify-content:center;padding:1rem;\
font:1rem/1.6 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Noto Sans CJK SC','PingFang SC',sans-serif;\
background:#f3f4f6;color:#1f2937}\
main{width:100%;max-width:32rem;padding:1.5rem;background:#fff;border-radius:.75rem;border-top:.25rem solid;\
box-shadow:0 1px 3px rgba(0,0,0,.15);overflow-wrap:anywhere}\
main.good{border-color:#15803d}main.bad{border-color:#b45309}\
.mark{width:3rem;height:3rem;border-radius:50%;font-size:1.5rem;line-height:3rem;text-align:center;color:#fff}\
.good .mark{background:#15803d}.bad .mark{background:#b45309}\
h1{font-size:1.375rem;line-height:1.3;margin:1rem 0 .5rem}\
h2{font-size:.875rem;margin:1.25rem 0 0;color:#6b7280}\
p{margin:.5rem 0}\
.said{padding:.75rem;background:#f3f4f6;border-radius:.5rem;font-size:.875rem}\
@media (prefers-color-scheme:dark){body{background:#111827;color:#e5e7eb}main{background:#1f2937}\
.said{background:#111827}h2{color:#9ca3af}}";

/// Makes a text of the catalogue a sentence.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    let end = if text.is_ascii() { "." } else { "。" };
    escape(&format!("{first}{}{end}", characters.as_str()))
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_told_is_markup() {
        let page =
            Page::failed(Language::English, "no <script>alert('x')</script> &\"", Some(("a <b>", "c")));
        let html = page.html();
        assert!(html.contains("no &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp;&quot;"), "{html}");
        assert!(html.contains("<p>A &lt;b&gt;.</p><p>C.</p>"), "{html}");
        let page = Page::done(Language::Chinese, Some("<i>@x"));
        assert!(page.html().contains("<b>&lt;i&gt;@x</b>") && page.html().contains("lang=\"zh\""));
        for page in [page, Page::wrong(Language::English, "x"), Page::another_login(Language::Chinese)] {
            for never in ["<script", "http:", "https:", "url(", "src=", "href="] {
                assert!(!page.html().contains(never), "{never}");
            }
        }
    }
}
