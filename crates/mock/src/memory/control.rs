//! Lets tests of any language change what the servers hold and do, by HTTP in the clear on loopback.

use std::{convert::Infallible, sync::Arc, time::Duration};

use mailbearer_oauth::server::{Error, Event, Request, Session as Protocol, decode_form};
use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};
use serde_json::{Value, json};

use super::{
    Fault, World,
    mailbox::Message,
    robots::Robots,
    session::{self, Session},
};

/// One request and its answer, a JSON object.
#[derive(Debug)]
pub(crate) struct Control {
    world: Arc<World>,
    protocol: Protocol,
}

impl Control {
    pub(crate) fn new(world: Arc<World>) -> Self {
        let protocol = Protocol::new().silence(world.limits.silence);
        Self { world, protocol }
    }

    fn on(&mut self, event: Event) -> Result<(), Error> {
        if let Event::Request(request) = &event
            && let Some(reply) = Robots::answer(&self.world, request)
        {
            let challenge = reply.challenge.as_deref().map(|challenge| ("WWW-Authenticate", challenge));
            let headers: Vec<_> = challenge.into_iter().collect();
            return self.protocol.respond(reply.status, &headers, &reply.body.to_string());
        }
        let answer = match event {
            Event::Request(request) => self.answer(&request),
            Event::Invalid(error) => Err((400, error.to_string())),
            _ => Err((400, "no such request".to_owned())),
        };
        match answer {
            Ok(body) => self.protocol.respond(200, &[], &body.to_string()),
            Err((status, text)) => self.protocol.respond(status, &[], &json!({ "error": text }).to_string()),
        }
    }

    fn answer(&self, request: &Request) -> Result<Value, (u16, String)> {
        // A page in a browser may send to loopback, but not from this origin and not without saying its own.
        if request.header("origin").is_some() {
            return Err((403, "not for pages in a browser".to_owned()));
        }
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let query = decode_form(query.as_bytes()).map_err(|error| (400, error.to_string()))?;
        let value = |name| query.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        let folder = value("folder").unwrap_or("INBOX");
        let world = &self.world;
        match (request.method.as_str(), path) {
            ("POST", "/deliver") => {
                let octets = request.body.expose().as_slice();
                let uid =
                    world.mailbox.deliver_to(folder, octets).map_err(|error| (409, error.to_string()))?;
                return Ok(json!({ "uid": uid }));
            }
            ("GET", "/messages") => {
                let messages: Vec<Value> = world.mailbox.messages(folder).iter().map(shown).collect();
                return Ok(json!({ "messages": messages }));
            }
            ("POST", "/end-tokens") => world.tokens.expire_all(),
            ("POST", "/end-refresh-tokens") => world.tokens.revoke_refresh_tokens(),
            ("POST", "/new-refresh-token") => {
                let token = world.tokens.new_refresh_token().map_err(|error| (500, error.to_string()))?;
                return Ok(json!({ "refresh_token": token }));
            }
            ("POST", "/log-in") => {
                let address = String::from_utf8_lossy(request.body.expose());
                let user = value("user").filter(|user| !user.is_empty());
                return Ok(json!({ "location": super::server::log_in(world, address.trim(), user) }));
            }
            ("POST", "/device") => {
                let user = value("user").filter(|user| !user.is_empty());
                let found = world.people.answer_device(value("code").unwrap_or_default(), user);
                return Ok(json!({ "found": found }));
            }
            ("POST", "/drop-connections") => world.cut.ring(),
            ("POST", "/fault") => {
                let fault = match value("name").unwrap_or_default() {
                    "" => None,
                    name => Some(Fault::find(name).ok_or((404, "no such fault".to_owned()))?),
                };
                world.set_fault(fault);
            }
            (
                _,
                "/deliver"
                | "/end-tokens"
                | "/end-refresh-tokens"
                | "/new-refresh-token"
                | "/log-in"
                | "/device"
                | "/drop-connections"
                | "/fault",
            ) => {
                return Err((405, "use POST".to_owned()));
            }
            _ => return Err((404, "no such request".to_owned())),
        }
        Ok(json!({}))
    }
}

fn shown(message: &Message) -> Value {
    json!({
        "uid": message.uid,
        "flags": message.flags,
        "from": message.envelope.as_ref().map(|envelope| &envelope.from),
        "to": message.envelope.as_ref().map(|envelope| &envelope.to),
        "text": String::from_utf8_lossy(&message.octets),
    })
}

impl Machine for Control {
    type Event = Infallible;
    type Error = Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Infallible>, Error> {
        session::step(self, |own| &mut own.protocol, Self::on, rx, tx)
    }

    fn patience(&self) -> Option<Duration> {
        self.protocol.patience()
    }
}

impl Session for Control {
    fn time_out(&mut self) {
        // It was not asked anything yet, else it would not wait.
        let _ = self.protocol.respond(408, &[], "{}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::testing::{Talk, token, world};

    fn ask(world: &Arc<World>, request: &str, body: &str) -> (u16, Value) {
        let mut talk = Talk::new(Control::new(Arc::clone(world)));
        let length = body.len();
        let (heard, step) =
            talk.hear(format!("{request} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}"));
        assert_eq!(step, Step::Close);
        let (head, body) = heard.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    #[test]
    fn changes_what_the_servers_hold_and_do() {
        let world = world(|_| {});
        let good = token(&world);
        assert_eq!(ask(&world, "POST /deliver", "Subject: s\r\n\r\n"), (200, json!({ "uid": 1 })));
        assert_eq!(ask(&world, "POST /deliver?folder=Sent+Items", "x"), (200, json!({ "uid": 1 })));
        assert_eq!(ask(&world, "POST /deliver?folder=Nowhere", "x").0, 409);
        let (_, listed) = ask(&world, "GET /messages", "");
        assert_eq!(listed["messages"][0]["text"], "Subject: s\r\n\r\n");
        assert_eq!(listed["messages"][0]["from"], Value::Null);
        assert!(world.tokens.is_good(&good));
        assert_eq!(ask(&world, "POST /end-tokens", ""), (200, json!({})));
        assert!(!world.tokens.is_good(&good));
        let (_, fresh) = ask(&world, "POST /new-refresh-token", "");
        let fresh = fresh["refresh_token"].as_str().unwrap();
        assert!(world.tokens.is_refresh_token(fresh));
        ask(&world, "POST /end-refresh-tokens", "");
        assert!(!world.tokens.is_refresh_token(fresh));
        ask(&world, "POST /fault?name=throttled", "");
        assert_eq!(world.fault(), Fault::find("throttled"));
        assert_eq!(ask(&world, "POST /fault?name=nope", "").0, 404);
        ask(&world, "POST /fault", "");
        assert_eq!(world.fault(), None);
        for (request, status) in
            [("GET /deliver", 405), ("GET /drop-connections", 405), ("GET /fault", 405), ("GET /nope", 404)]
        {
            assert_eq!(ask(&world, request, "").0, status, "{request}");
        }
        let mut talk = Talk::new(Control::new(Arc::clone(&world)));
        let (heard, _) =
            talk.hear("POST /end-tokens HTTP/1.1\r\nOrigin: https://evil.test\r\nContent-Length: 0\r\n\r\n");
        assert!(heard.starts_with("HTTP/1.1 403 "), "{heard}");
    }
}
