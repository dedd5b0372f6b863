/// Defines every type that has a runtime with this one, so that programs need not name the runtime.
macro_rules! aliases {
    ($runtime:ident) => {
        /// A client of an account.
        pub type Client = crate::Client<$runtime>;
        /// An IMAP session.
        pub type Imap = crate::Imap<$runtime>;
        /// The operations that need no open mailbox.
        pub type Authenticated = crate::Authenticated<$runtime>;
        /// A mailbox that is open for reading.
        pub type Examined<'a> = crate::Examined<'a, $runtime>;
        /// A mailbox that is open for reading and changing.
        pub type Selected<'a> = crate::Selected<'a, $runtime>;
        /// A listing of messages, as they arrive.
        pub type Listing<'a> = crate::Listing<'a, $runtime>;
        /// Data that was fetched of messages, as it arrives.
        pub type Messages<'a> = crate::Messages<'a, $runtime>;
        /// A message that is arriving.
        pub type Body<'a> = crate::Body<'a, $runtime>;
        /// A message of which only the parts are fetched that the program asks for.
        pub type Received<'a> = crate::Received<'a, $runtime>;
        /// A part of a message that is arriving, decoded.
        pub type Content<'a> = crate::Content<'a, $runtime>;
        /// A message that is being appended to a mailbox.
        pub type Appending<'a> = crate::Appending<'a, $runtime>;
        /// An IDLE on an open mailbox.
        pub type Idle<'a> = crate::Idle<'a, $runtime>;
        /// A watch on a mailbox that outlives its connections.
        pub type Watcher = crate::Watcher<$runtime>;
        /// A POP3 session.
        #[cfg(feature = "pop3")]
        pub type Pop3 = crate::Pop3<$runtime>;
        /// An SMTP session.
        pub type Smtp = crate::Smtp<$runtime>;
        /// Many messages over few connections.
        #[cfg(feature = "pool")]
        pub type Pool = crate::Pool<$runtime>;
        /// Messages that are being sent over several connections.
        #[cfg(feature = "pool")]
        pub type Sending<'a, M> = crate::Sending<'a, $runtime, M>;
        /// A person's login in a browser.
        pub type BrowserLogin = crate::BrowserLogin<$runtime>;
        /// A person's login by a code on another device.
        pub type DeviceLogin = crate::DeviceLogin<$runtime>;
        /// A message that is being sent.
        pub type Submission<'a> = crate::Submission<'a, $runtime>;
    };
}
