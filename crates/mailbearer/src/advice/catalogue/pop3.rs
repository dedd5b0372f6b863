//! POP3.

use super::{
    super::Place::{Imap, Pop3},
    EXO, Entry, PROVIDER, SUPPORT, USER, WAIT, YOU, YOU_EXCHANGE, YOU_USER, e,
};
use crate::{
    Vendor,
    error::{Kind, Stage},
};

#[rustfmt::skip]
pub(super) const ENTRIES: &[Entry] = &[
    e(Pop3, "pop-one-line-auth", &["Protocol error. Connection is closed. 10"], YOU, "getmail6 #256, mpop #11, MailKit #1948",
        ["the server does not take the token on one line, or it is too long", "服务器不接受单行令牌，或令牌过长"],
        ["authenticate in two lines; a token over 4,096 characters needs fewer claims", "请分两行认证；超过 4096 字符的令牌需减少声明"]),
    e(Pop3, "pop-auth", &["Authentication failure: unknown user name or bad password"], YOU_EXCHANGE, EXO,
        ["the token was not accepted, or POP is off for the mailbox", "令牌未被接受，或该邮箱禁用了 POP"],
        ["check user and scope; the application needs POP.AccessAsApp and New-ServicePrincipal; Set-CASMailbox MAILBOX -PopEnabled $true", "请检查 user 和 scope；应用需要 POP.AccessAsApp 和 New-ServicePrincipal；Set-CASMailbox MAILBOX -PopEnabled $true"]),
    e(Pop3, "pop-basic-off", &["Logon failure: unknown user name or bad password"], YOU, SUPPORT,
        ["passwords are switched off on this server", "该服务器已禁用密码登录"],
        ["log in with OAuth 2.0", "请使用 OAuth 2.0 登录"]),
    e(Pop3, "pop-disabled", &["not enabled for POP", "POP is disabled", "POP3 disabled", "POP access is disabled", "POP service is not", "POP3 access is not enabled"], USER, "Google, read Gmail with POP",
        ["POP is off for this mailbox", "该邮箱未启用 POP"],
        ["switch POP on in the mailbox's settings", "请在邮箱设置中启用 POP"]),
    e(Pop3, "pop-in-use", &["[IN-USE]", "[LOGIN-DELAY]", "already locked", "maildrop is locked", "mailbox is locked", "Unable to lock"], WAIT, "RFC 2449, RFC 3206",
        ["the maildrop is in use, or was opened a moment ago", "邮箱正被使用，或刚刚打开过"],
        ["wait, then try again", "请稍候再试"]),
    e(Pop3, "pop-busy", &[], WAIT, "RFC 3206",
        ["the server can't take the login at the moment: that says nothing of the token", "服务器暂时无法处理登录：与令牌无关"],
        ["wait, then try again", "请稍候再试"])
        .kind(Kind::Busy).stage(Stage::Auth),
    e(Pop3, "pop-system", &["[SYS/PERM]"], PROVIDER, "RFC 3206",
        ["the server has a fault that does not pass by itself", "服务器故障，不会自行恢复"],
        ["ask its administrator", "请联系其管理员"]),

    e(Imap, "imap-auth-busy", &[], WAIT, "RFC 5530",
        ["the server can't check logins at the moment", "服务器暂时无法验证登录"],
        ["wait, then try again; nothing is said of the token", "请稍候再试；这与令牌无关"])
        .kind(Kind::Busy).stage(Stage::Auth),
    e(Imap, "qq-no-mechanism", &[], USER, "QQ mail help",
        ["QQ mail takes no tokens, so nothing was sent: it wants an authorisation code", "QQ 邮箱不接受令牌，因此没有发送任何凭据：须使用授权码"],
        ["switch IMAP or POP3 on in the settings of QQ mail on the web, and set the authorisation code that it shows as password", "请在 QQ 邮箱网页设置中开启 IMAP 或 POP3，并将所示授权码设为 password"])
        .stage(Stage::Mechanism).vendor(Vendor::Qq),
    e(Imap, "netease-no-mechanism", &[], USER, "NetEase mail help",
        ["NetEase mail takes no tokens, so nothing was sent: it wants an authorisation code", "网易邮箱不接受令牌，因此没有发送任何凭据：须使用授权码"],
        ["switch IMAP or POP3 on in the settings of the mailbox on the web, and set the authorisation code that it shows as password", "请在邮箱网页设置中开启 IMAP 或 POP3，并将所示授权码设为 password"])
        .stage(Stage::Mechanism).vendor(Vendor::NetEase),
    e(Imap, "icloud-no-mechanism", &[], USER, "Apple, app-specific passwords",
        ["iCloud takes no tokens of other programs, so nothing was sent", "iCloud 不接受第三方令牌，因此没有发送任何凭据"],
        ["make an app-specific password at account.apple.com and set it as password", "请在 account.apple.com 创建 App 专用密码并设为 password"])
        .stage(Stage::Mechanism).vendor(Vendor::ICloud),
    e(Pop3, "pop-no-mechanism", &[], YOU, "RFC 5034 section 3",
        ["this server takes no token on this port: it offers no OAuth, so nothing was sent", "该服务器在此端口不接受令牌：未提供 OAuth，因此没有发送任何凭据"],
        ["check host and port (POP3 is on 995, or 110 with STLS); a server may take passwords alone (key password), or OAuth is switched off there", "请检查主机和端口（POP3 为 995，或 110 加 STLS）；服务器可能只接受密码（password 键），或未启用 OAuth"])
        .stage(Stage::Mechanism),
    e(Imap, "imap-no-mechanism", &[], YOU, "RFC 9051 section 6.2.2",
        ["this server takes no token on this port: it offers no OAuth, so nothing was sent", "该服务器在此端口不接受令牌：未提供 OAuth，因此没有发送任何凭据"],
        ["check host and port; a server of the organisation's own may take passwords alone (key password), or OAuth is switched off there", "请检查主机和端口；自建服务器可能只接受密码（password 键），或未启用 OAuth"])
        .stage(Stage::Mechanism),
    e(Imap, "gmail-auth", &["Invalid credentials (Failure)"], YOU_USER, "Google, XOAUTH2 protocol; gmail_xoauth #14",
        ["Gmail did not accept the token", "Gmail 未接受令牌"],
        ["the token needs the scope https://mail.google.com/ and must be of this very user; IMAP must be on in Gmail's settings, and allowed by a Workspace administrator", "令牌需要 https://mail.google.com/ 且必须属于该用户；须在 Gmail 设置中启用 IMAP，Workspace 还需管理员允许"])
        .stage(Stage::Auth),
    e(Imap, "yahoo-auth", &[], YOU_USER, "Yahoo developer network",
        ["Yahoo did not accept the token", "Yahoo 未接受令牌"],
        ["the token needs the scope mail-r or mail-w, of an application that Yahoo approved for mail; else an app password of the account works, as password", "令牌需要 mail-r 或 mail-w，且应用须经 Yahoo 批准；否则可将账户的应用专用密码设为 password"])
        .stage(Stage::Auth).vendor(Vendor::Yahoo),
    e(Imap, "zoho-auth", &[], YOU_USER, "Zoho mail help",
        ["Zoho did not accept the token", "Zoho 未接受令牌"],
        ["switch IMAP (for POP3: POP) on in Zoho's settings; token_url and host must be of the same data centre (com, eu, in, com.cn)", "请在 Zoho 设置中启用 IMAP（POP3 则启用 POP）；token_url 与主机须属于同一数据中心（com、eu、in、com.cn）"])
        .stage(Stage::Auth).vendor(Vendor::Zoho),
    e(Imap, "qq-auth", &[], USER, "QQ mail help",
        ["QQ mail did not accept the login", "QQ 邮箱未接受登录"],
        ["switch IMAP (for POP3: POP3) on in the settings of QQ mail on the web; it takes an authorisation code in place of the password", "请在 QQ 邮箱网页设置中开启 IMAP（POP3 则开启 POP3）；登录须用授权码代替密码"])
        .stage(Stage::Auth).vendor(Vendor::Qq),
    e(Imap, "netease-auth", &[], USER, "NetEase mail help",
        ["NetEase mail did not accept the login", "网易邮箱未接受登录"],
        ["switch IMAP (for POP3: POP3) on in the settings of the mailbox on the web; it takes an authorisation code in place of the password", "请在网易邮箱网页设置中开启 IMAP（POP3 则开启 POP3）；登录须用授权码代替密码"])
        .stage(Stage::Auth).vendor(Vendor::NetEase),
    e(Imap, "yandex-auth", &[], YOU_USER, "Yandex help",
        ["Yandex did not accept the token", "Yandex 未接受令牌"],
        ["the token needs mail:imap_full or mail:smtp; switch mail clients on in Yandex's settings", "令牌需要 mail:imap_full 或 mail:smtp；请在 Yandex 设置中启用邮件客户端"])
        .stage(Stage::Auth).vendor(Vendor::Yandex),
    e(Imap, "icloud-auth", &[], USER, "Apple, app-specific passwords",
        ["iCloud did not accept the login", "iCloud 未接受登录"],
        ["iCloud takes no tokens of other programs: make an app-specific password at account.apple.com and set it as password; the IMAP user is the part before the @", "iCloud 不接受第三方令牌：请在 account.apple.com 创建 App 专用密码并设为 password；IMAP 的 user 是 @ 之前的部分"])
        .stage(Stage::Auth).vendor(Vendor::ICloud),
    e(Imap, "fastmail-auth", &[], YOU_USER, "Fastmail help",
        ["Fastmail did not accept the login", "Fastmail 未接受登录"],
        ["the token needs the scope of the protocol (https://www.fastmail.com/dev/protocol-imap); without a token set an app password as password", "令牌需要相应协议的 scope（https://www.fastmail.com/dev/protocol-imap）；若不用令牌，请将应用专用密码设为 password"])
        .stage(Stage::Auth).vendor(Vendor::Fastmail),
    e(Imap, "mailru-auth", &[], YOU_USER, "mail.ru help",
        ["mail.ru did not accept the login", "mail.ru 未接受登录"],
        ["the token needs the scope mail.imap; without a token make a password for external applications in the security settings", "令牌需要 mail.imap；若不用令牌，请在安全设置中创建外部应用密码"])
        .stage(Stage::Auth).vendor(Vendor::MailRu),
    e(Imap, "dovecot-auth", &[], YOU, "Dovecot, OAuth2 password database",
        ["Dovecot did not accept the token", "Dovecot 未接受令牌"],
        ["check user, and that the server's oauth2 settings know who issued the token (introspection_url, issuers, username_attribute, scope)", "请检查 user，以及服务器的 oauth2 设置是否认得令牌签发者（introspection_url、issuers、username_attribute、scope）"])
        .stage(Stage::Auth).vendor(Vendor::Dovecot),
    e(Pop3, "pop-credentials", &["[AUTH]"], YOU_USER, "RFC 3206",
        ["user or token are wrong", "用户或令牌错误"],
        ["check user, and log in again", "请检查 user，并重新登录"]),
    e(Pop3, "pop-login-refused", &[], YOU_USER, "RFC 1939",
        ["the server did not let the user in", "服务器拒绝了登录"],
        ["check user and scope; POP may be off in the mailbox's settings", "请检查 user 和 scope；邮箱设置中可能未启用 POP"])
        .stage(Stage::Auth),
    e(Imap, "authenticate-failed", &["AUTHENTICATE failed", "AuthFailed:LogonDenied"], YOU_EXCHANGE, EXO,
        ["the token was not accepted: it is for another service, lacks the permission, or its application is not registered in Exchange", "令牌未被接受：属于其他服务、缺少权限，或应用未在 Exchange 中注册"],
        ["check user and scope (https://outlook.office365.com/.default). The application also needs IMAP.AccessAsApp of Office 365 Exchange Online with admin consent, New-ServicePrincipal with the Object ID of the enterprise application, and Add-MailboxPermission on the mailbox; that takes up to hours to work", "请检查 user 和 scope（https://outlook.office365.com/.default）。应用还需 Office 365 Exchange Online 的 IMAP.AccessAsApp 及管理员同意，以企业应用程序的对象 ID 执行 New-ServicePrincipal，并对邮箱执行 Add-MailboxPermission；生效可能需数小时"])
        .stage(Stage::Auth),
    e(Imap, "imap-auth", &[], YOU, "RFC 9051 section 6.2.2",
        ["the token was not accepted", "令牌未被接受"],
        ["check user and scope, and that the token is of the provider of this server", "请检查 user 和 scope，以及令牌是否来自此服务器的提供商"])
        .stage(Stage::Auth),
    e(Pop3, "pop-refused", &[], YOU, "RFC 1939 section 3",
        ["the server refuses this, for a reason of its own", "服务器以其自身理由拒绝"],
        ["what it says above is the reason; its administrator knows more", "原因见上面的说明；其管理员了解详情"])
        .kind(Kind::Refused),
    e(Imap, "imap-refused", &[], YOU, "RFC 9051 section 7.1",
        ["the server refuses this command, for a reason of its own", "服务器以其自身理由拒绝了此命令"],
        ["what it says above is the reason; its administrator knows more", "原因见上面的说明；其管理员了解详情"])
        .kind(Kind::Refused).stage(Stage::Command),
    e(Imap, "imap-turned-away", &[], YOU, "RFC 9051 section 7.1.5",
        ["the server does not talk to this machine", "服务器拒绝与本机通信"],
        ["check host and port; what it says above is the reason", "请检查主机和端口；原因见上面的说明"])
        .kind(Kind::Refused).stage(Stage::Greeting),
    e(Imap, "imap-bye", &[], WAIT, "RFC 9051 section 7.1.5",
        ["the server ended the session", "服务器结束了会话"],
        ["wait, then try again, with fewer connections", "请稍候再试，并减少连接"])
        .kind(Kind::Busy),
    e(Imap, "imap-closed", &[], WAIT, "RFC 9051 section 5.4",
        ["the server ended the connection without a word", "服务器无故断开连接"],
        ["wait, then try again", "请稍候再试"])
        .kind(Kind::Closed),
];
