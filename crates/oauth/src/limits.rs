/// What a token endpoint may send at most. The defaults are well above what real ones do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of a response's head; also of all chunk extensions and trailers together. Default 16 KiB.
    pub head: usize,
    /// Header fields of a response. Default 64.
    pub headers: usize,
    /// Interim responses (status 1xx) before the response. Default 8.
    pub interim: usize,
    /// Octets of a response's body. Default 256 KiB.
    pub body: usize,
    /// Octets of an access token or a refresh token. Default 64 KiB.
    pub token: usize,
}

impl Limits {
    /// The defaults.
    pub const DEFAULT: Self =
        Self { head: 16 * 1024, headers: 64, interim: 8, body: 256 * 1024, token: 64 * 1024 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use crate::{Limits, TokenExchange, server::RequestReader};

    #[test]
    fn the_limits_are_what_their_docs_say() {
        let Limits { head, headers, interim, body, token } = Limits::default();
        assert_eq!((head, headers, interim, body, token), (16_384, 64, 8, 262_144, 65_536));
        assert_eq!(TokenExchange::RECV_LIMIT, 32_768);
        assert_eq!((RequestReader::HEAD, RequestReader::HEADERS, RequestReader::BODY), (16_384, 64, 262_144));
    }
}
