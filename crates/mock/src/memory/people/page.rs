//! The pages that people see, in the fewest words: they stand for a provider's.

use super::Asked;

/// Asks whether the application may.
pub(super) fn ask(asked: &Asked, user: &str) -> String {
    let hidden: String = asked
        .fields
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "user" | "answer"))
        .map(|(name, value)| hidden(name, value))
        .collect();
    let user = asked.get("login_hint").unwrap_or(user);
    let scope = asked.get("scope").unwrap_or_default();
    page(
        "Log in to the mock",
        &format!(
            "<p>An application asks for <code>{}</code>.</p><form method=\"post\">{hidden}\
             <p><label>Account <input name=\"user\" value=\"{}\"></label></p>\
             <p><button id=\"accept\" name=\"answer\" value=\"accept\">Accept</button> \
             <button id=\"refuse\" name=\"answer\" value=\"refuse\">Cancel</button></p></form>",
            escape(scope),
            escape(user)
        ),
    )
}

/// Sends what a redirect would say by POST (OAuth 2.0 Form Post Response Mode).
pub(super) fn form_post(redirect_uri: &str, fields: &[(&str, String)]) -> String {
    let hidden: String = fields.iter().map(|(name, value)| hidden(name, value)).collect();
    page(
        "Working...",
        &format!(
            "<form method=\"post\" action=\"{}\">{hidden}<button>Continue</button></form>\
             <script>document.forms[0].submit()</script>",
            escape(redirect_uri)
        ),
    )
}

/// Asks for the code that a device shows.
pub(super) fn device(code: &str, user: &str) -> String {
    page(
        "Enter code",
        &format!(
            "<form method=\"post\"><p><label>Code <input name=\"code\" value=\"{}\"></label></p>\
             <p><label>Account <input name=\"user\" value=\"{}\"></label></p>\
             <p><button id=\"accept\" name=\"answer\" value=\"accept\">Next</button> \
             <button id=\"refuse\" name=\"answer\" value=\"refuse\">Cancel</button></p></form>",
            escape(code),
            escape(user)
        ),
    )
}

pub(super) fn says(title: &str, text: &str) -> String {
    page(title, &format!("<p>{}</p>", escape(text)))
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><h1>{title}</h1>{body}</html>"
    )
}

fn hidden(name: &str, value: &str) -> String {
    format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
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
