/// Every type with a runtime, on this one, so that nobody has to spell it.
macro_rules! aliases {
    ($runtime:ident) => {
        /// An account at work.
        pub type Client = crate::Client<$runtime>;
        /// An IMAP session.
        pub type Imap = crate::Imap<$runtime>;
        /// What needs no open mailbox.
        pub type Authenticated = crate::Authenticated<$runtime>;
        /// A mailbox that is open for reading.
        pub type Examined<'a> = crate::Examined<'a, $runtime>;
        /// A mailbox that is open for reading and changing.
        pub type Selected<'a> = crate::Selected<'a, $runtime>;
        /// Messages of a mailbox as they arrive.
        pub type Listing<'a> = crate::Listing<'a, $runtime>;
        /// What was fetched of messages, as it arrives.
        pub type Messages<'a> = crate::Messages<'a, $runtime>;
        /// A message on its way in.
        pub type Body<'a> = crate::Body<'a, $runtime>;
        /// A message of which nothing is fetched but what is asked for.
        pub type Received<'a> = crate::Received<'a, $runtime>;
        /// A part of a message on its way in, decoded.
        pub type Content<'a> = crate::Content<'a, $runtime>;
        /// A message on its way into a mailbox.
        pub type Appending<'a> = crate::Appending<'a, $runtime>;
        /// An open mailbox that is listened to.
        pub type Idle<'a> = crate::Idle<'a, $runtime>;
        /// A mailbox that is listened to for as long as it takes.
        pub type Watcher = crate::Watcher<$runtime>;
        /// A POP3 session.
        #[cfg(feature = "pop3")]
        pub type Pop3 = crate::Pop3<$runtime>;
        /// An SMTP session.
        pub type Smtp = crate::Smtp<$runtime>;
        /// Many messages over few connections.
        #[cfg(feature = "pool")]
        pub type Pool = crate::Pool<$runtime>;
        /// Messages on their way out, over several connections.
        #[cfg(feature = "pool")]
        pub type Sending<'a, M> = crate::Sending<'a, $runtime, M>;
        /// A person's login in a browser.
        pub type BrowserLogin = crate::BrowserLogin<$runtime>;
        /// A person's login by a code.
        pub type DeviceLogin = crate::DeviceLogin<$runtime>;
        /// A message on its way out.
        pub type Submission<'a> = crate::Submission<'a, $runtime>;
    };
}
