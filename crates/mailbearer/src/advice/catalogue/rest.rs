//! The rest.

use super::{super::Place::Net, Entry, PROVIDER, WAIT, YOU, e};
use crate::error::Kind;

#[rustfmt::skip]
pub(super) const ENTRIES: &[Entry] = &[
    e(Net, "settings", &[], YOU, "Mailbearer",
        ["a setting of the account can't be used", "账户的某项设置无法使用"],
        ["`mailbearer help config` explains each setting", "`mailbearer help config` 解释每一项设置"])
        .kind(Kind::Settings),
    e(Net, "busy", &[], WAIT, "Mailbearer",
        ["the server asks to come back later", "服务器要求稍后再来"],
        ["wait, then try again", "请稍候再试"])
        .kind(Kind::Busy),
    e(Net, "protocol", &[], PROVIDER, "Mailbearer",
        ["the server's answer does not follow the protocol", "服务器的答复不符合协议"],
        ["try again; if it stays, --trace=FILE writes what was said, for the server's administrator or for a report", "请重试；若持续出现，请用 --trace=FILE 记录对话，交给服务器管理员或提交报告"])
        .kind(Kind::Protocol),
    e(Net, "broken", &[], WAIT, "RFC 9293",
        ["the connection broke", "连接中断"],
        ["try again; if it stays, check the network", "请重试；若持续，请检查网络"])
        .kind(Kind::Broken),
    e(Net, "closed", &[], WAIT, "Mailbearer",
        ["the server ended the session", "服务器结束了会话"],
        ["try again", "请重试"])
        .kind(Kind::Closed),
];
