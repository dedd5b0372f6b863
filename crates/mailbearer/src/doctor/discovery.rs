//! What a directory of Microsoft Entra says of itself, and the clock of the token endpoint.

use mailbearer_net::{Connection, Runtime};
use mailbearer_oauth::{
    Endpoint, Limits,
    http::{Exchange, Request},
};
use mailbearer_wire::{Json, printable};

use crate::{Error, claims::Cloud, trace::Hidden};

/// What a token endpoint said before any credentials were sent.
#[derive(Debug, Default)]
pub(super) struct Discovered {
    /// Its clock, in seconds since 1970.
    pub(super) date: Option<u64>,
    /// The cloud of the directory.
    pub(super) cloud: Option<Cloud>,
    /// What it said, in one line. Empty if it has no such document.
    pub(super) told: String,
}

/// Asks the token endpoint, over a connection to it. One of Microsoft Entra is asked for the document that describes
/// the directory; others only for their clock. `hidden` takes out of what it says what nobody may see.
pub(super) async fn ask<R: Runtime>(
    connection: &mut Connection<R>,
    endpoint: &Endpoint,
    token_url: &str,
    hidden: &Hidden,
) -> Result<Discovered, Error> {
    let document = token_url
        .strip_suffix("/oauth2/v2.0/token")
        .and_then(|base| Endpoint::parse(&format!("{base}/v2.0/.well-known/openid-configuration")).ok());
    let is_described = document.is_some();
    let request = Request::get(document.unwrap_or_else(|| endpoint.clone()));
    let mut exchange = Exchange::new(request, Limits::DEFAULT);
    let response = connection.next(&mut exchange).await.map_err(Error::token_http)?;
    let response = response.ok_or_else(Error::token_closed)?;
    let mut found = Discovered { date: response.date, ..Discovered::default() };
    if is_described
        && response.status == 200
        && let Some(document) = Json::parse(response.body.expose())
    {
        let text = |name| document.get(name).and_then(Json::text).unwrap_or_default();
        let (instance, region) = (text("cloud_instance_name"), text("tenant_region_scope"));
        let part = text("tenant_region_sub_scope");
        found.cloud = cloud(&instance, &part);
        let words = [("cloud", &instance), ("region", &region), ("part", &part)];
        let words = words.iter().filter(|(_, value)| !value.is_empty());
        let words: Vec<_> =
            words.map(|(name, value)| format!("{name} {}", printable(&hidden.redact(value)))).collect();
        found.told = words.join(", ");
    }
    Ok(found)
}

/// Returns the cloud by Microsoft's names for its clouds, and for the parts of that of the American government.
fn cloud(instance: &str, part: &str) -> Option<Cloud> {
    let is = |name: &str| instance.eq_ignore_ascii_case(name);
    if is("microsoftonline.us") {
        return Some(if part.eq_ignore_ascii_case("DOD") { Cloud::UsDod } else { Cloud::UsGov });
    }
    if is("partner.microsoftonline.cn") || is("chinacloudapi.cn") {
        return Some(Cloud::China);
    }
    is("microsoftonline.com").then_some(Cloud::Global)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clouds_have_names_and_parts() {
        for (instance, part, want) in [
            ("microsoftonline.com", "", Some(Cloud::Global)),
            ("microsoftonline.com", "GCC", Some(Cloud::Global)),
            ("microsoftonline.us", "DODCON", Some(Cloud::UsGov)),
            ("microsoftonline.us", "DOD", Some(Cloud::UsDod)),
            ("partner.microsoftonline.cn", "", Some(Cloud::China)),
            ("example.org", "", None),
            ("", "", None),
        ] {
            assert_eq!(cloud(instance, part), want, "{instance} {part}");
        }
    }
}
