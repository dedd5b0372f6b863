//! Settings, names, connections, TLS.

use super::{super::Place::Net, EXO, Entry, TENANT, USER, WAIT, YOU, YOU_USER, YOU_WAIT, e};
use crate::error::{Kind, Missing, Protocol, Stage};

#[rustfmt::skip]
pub(super) const ENTRIES: &[Entry] = &[
    e(Net, "outcome-unknown", &["[outcome-unknown]"], YOU, "RFC 1047",
        ["the message was sent and the answer never came", "邮件已发出，但没有收到答复"],
        ["look whether it arrived before sending it again; `mailbearer send --verify` looks by itself, in the folder of sent messages", "重发之前请先确认是否已送达；`mailbearer send --verify` 会自行在已发送文件夹中查找"]),
    e(Net, "change-unknown", &["[change-unknown]"], YOU, "RFC 9051 section 7.1.5",
        ["the answer to a change never came", "修改已发出，但没有收到答复"],
        ["look before doing it again", "重做之前请先查看结果"]),
    e(Net, "no-imap-server", &[], YOU, "Mailbearer",
        ["the account names no IMAP server", "账户没有设置 IMAP 服务器"],
        ["set host in the table imap of the account, or MAILBEARER_IMAP_HOST", "请在账户的 imap 表中设置 host，或设置 MAILBEARER_IMAP_HOST"])
        .kind(Kind::Missing(Missing::Server(Protocol::IMAP))),
    e(Net, "no-smtp-server", &[], YOU, "Mailbearer",
        ["the account names no SMTP server", "账户没有设置 SMTP 服务器"],
        ["set host in the table smtp of the account, or MAILBEARER_SMTP_HOST", "请在账户的 smtp 表中设置 host，或设置 MAILBEARER_SMTP_HOST"])
        .kind(Kind::Missing(Missing::Server(Protocol::SMTP))),
    e(Net, "no-pop3-server", &[], YOU, "Mailbearer",
        ["the account names no POP3 server", "账户没有设置 POP3 服务器"],
        ["set host in the table pop3 of the account, or MAILBEARER_POP3_HOST", "请在账户的 pop3 表中设置 host，或设置 MAILBEARER_POP3_HOST"])
        .kind(Kind::Missing(Missing::Server(Protocol::POP3))),
    e(Net, "no-client-id", &[], YOU, "RFC 6749 section 2.2",
        ["the account names no application", "账户没有设置应用程序"],
        ["set client_id in the table oauth of the account, or MAILBEARER_OAUTH_CLIENT_ID", "请在账户的 oauth 表中设置 client_id，或设置 MAILBEARER_OAUTH_CLIENT_ID"])
        .kind(Kind::Missing(Missing::ClientId)),
    e(Net, "no-login", &[], USER, "Mailbearer",
        ["nobody has logged in to the account, or the login was ended", "该账户尚未登录，或已退出登录"],
        ["log in: mailbearer login", "请登录：mailbearer login"])
        .kind(Kind::Missing(Missing::Login)),
    e(Net, "invalid-host", &["[invalid-host]"], YOU, "Mailbearer",
        ["this is no host", "这不是主机名"],
        ["a host is a name or an address, without scheme and port", "主机应为名称或地址，不带协议和端口"])
        .kind(Kind::Settings),
    e(Net, "clock-wrong", &["[clock-wrong]"], YOU, "RFC 7519 section 4.1, RFC 5280 section 4.1.2.5",
        ["this machine's clock is wrong", "本机时钟不正确"],
        ["set the clock (`timedatectl set-ntp true`): tokens and certificates count by it", "请校准时钟（`timedatectl set-ntp true`）：令牌和证书都以它为准"])
        .kind(Kind::Settings),
    e(Net, "cloud-mismatch", &["[cloud-mismatch]"], YOU, "Microsoft Entra, national clouds",
        ["token endpoint, scope and servers are not all of the same of Microsoft's clouds", "令牌端点、scope 和服务器不属于同一个 Microsoft 云"],
        ["set provider to that of the mailbox's cloud (microsoft365, microsoft365-us-gov, microsoft365-us-dod, microsoft365-china), and take out token_url, scope and hosts of another", "请将 provider 设为邮箱所在云的提供商（microsoft365、microsoft365-us-gov、microsoft365-us-dod、microsoft365-china），并去掉其他云的 token_url、scope 和主机"])
        .kind(Kind::Settings),
    e(Net, "secret-is-id", &["[secret-is-id]"], YOU, "Microsoft Entra, add credentials",
        ["client_secret is the ID of a secret, not its Value", "client_secret 是密码的 ID，而不是其“值”"],
        ["make a new secret under Certificates & secrets, and copy its Value, which is shown once", "请在“证书和密码”中新建密码，并复制只显示一次的“值”"])
        .kind(Kind::Settings),
    e(Net, "keyring-locked", &["[keyring-locked]"], USER, "freedesktop.org, Secret Service API, \"Locking and unlocking\"",
        ["the keyring is locked, and nobody unlocked it", "密钥环已锁定，且无人解锁"],
        ["log in to the desktop, or unlock it in the password manager; in a session without a screen `gnome-keyring-daemon --unlock` reads the password from standard input; what runs without a person takes store = \"file\" or \"command\"", "请登录桌面，或在密码管理器中解锁；没有屏幕的会话可用 `gnome-keyring-daemon --unlock`（从标准输入读取密码）；无人值守的程序请用 store = \"file\" 或 \"command\""])
        .kind(Kind::Store),
    e(Net, "no-keyring", &["[no-keyring]"], YOU, "freedesktop.org, Secret Service API",
        ["this session has no keyring", "此会话没有密钥环"],
        ["run it in a desktop session with GNOME Keyring, KWallet or KeePassXC; a session without a screen gets a bus by `dbus-run-session` and a keyring by `gnome-keyring-daemon --unlock`; servers and containers take store = \"file\" or \"command\"", "请在带有 GNOME 密钥环、KWallet 或 KeePassXC 的桌面会话中运行；没有屏幕的会话可用 `dbus-run-session` 得到总线，用 `gnome-keyring-daemon --unlock` 得到密钥环；服务器和容器请用 store = \"file\" 或 \"command\""])
        .kind(Kind::Store),
    e(Net, "token-store", &["[token-store]"], YOU, "Mailbearer",
        ["tokens can't be kept or read where they rest", "无法读写令牌存储"],
        ["check the folder that is named, its owner and its room; refresh tokens rest in the state folder, access tokens in the cache folder", "请检查所示文件夹、其所有者和剩余空间；刷新令牌在状态文件夹，访问令牌在缓存文件夹"]),
    e(Net, "token-locked", &["[token-locked]"], WAIT, "Mailbearer",
        ["another process holds the tokens of this account", "另一个进程正占用此账户的令牌"],
        ["wait until it is done, then try again", "请等它结束后重试"]),
    e(Net, "token-source", &[], YOU, "Mailbearer",
        ["the program's own source of tokens has none", "程序自己的令牌来源没有令牌"],
        ["what it says is the reason", "原因见其说明"])
        .kind(Kind::Source),
    e(Net, "password-refused", &["[password-refused]"], YOU_USER, "RFC 4954 section 6; RFC 9051 section 6.2.3",
        ["the server did not accept this user with this password", "服务器未接受该用户名和密码"],
        ["check user and password; many providers take only a password made for mail programs (an app password or authorization code), or none at all: then log in with OAuth 2.0", "请检查 user 和 password；许多服务商只接受邮件程序专用密码（应用专用密码或授权码），或不接受任何密码：此时请使用 OAuth 2.0"])
        .stage(Stage::Auth),
    e(Net, "token-for-graph", &["[token-for-graph]"], YOU, EXO,
        ["the token is for Microsoft Graph, which no mail server takes", "令牌属于 Microsoft Graph，邮件服务器不接受"],
        ["set scope to https://outlook.office365.com/.default, and give the application permissions of Office 365 Exchange Online in place of Graph's; for a server that does take Graph's tokens set claims = \"ignore\" in the table oauth", "请将 scope 设为 https://outlook.office365.com/.default，并为应用授予 Office 365 Exchange Online（而非 Graph）的权限；若服务器确实接受 Graph 令牌，请在 oauth 表中设置 claims = \"ignore\""])
        .stage(Stage::Claims),
    e(Net, "token-audience", &["[token-audience]"], YOU, EXO,
        ["the token is for another service than this server", "令牌属于其他服务，而非此服务器"],
        ["set scope to the service of the server: https://outlook.office365.com/.default, in China https://partner.outlook.cn/.default, for the US government https://outlook.office365.us/.default", "请将 scope 设为该服务器的服务：https://outlook.office365.com/.default；中国（世纪互联）为 https://partner.outlook.cn/.default，美国政府云为 https://outlook.office365.us/.default"])
        .stage(Stage::Claims),
    e(Net, "token-other-tenant", &["[token-other-tenant]"], YOU, EXO,
        ["the token is of another directory than the account's", "令牌来自另一个目录"],
        ["check tenant and token_url; a token that the program brings must be of the mailbox's directory", "请检查 tenant 和 token_url；程序自带的令牌必须来自邮箱所在的目录"])
        .stage(Stage::Claims),
    e(Net, "token-role-missing", &["[token-role-missing]"], TENANT, EXO,
        ["the application was not granted the role that the protocol needs", "应用未被授予该协议所需的角色"],
        ["add the application permission of Office 365 Exchange Online that is named above (IMAP.AccessAsApp, SMTP.SendAsApp, POP.AccessAsApp) and have an administrator consent: https://login.microsoftonline.com/TENANT/adminconsent?client_id=CLIENT-ID", "请添加上面所示的 Office 365 Exchange Online 应用程序权限（IMAP.AccessAsApp、SMTP.SendAsApp、POP.AccessAsApp），并由管理员同意：https://login.microsoftonline.com/TENANT/adminconsent?client_id=CLIENT-ID"])
        .stage(Stage::Claims),
    e(Net, "token-scope-missing", &["[token-scope-missing]"], YOU_USER, EXO,
        ["the person did not consent to the scope that the protocol needs", "用户未同意该协议所需的 scope"],
        ["add the scope that is named above (IMAP.AccessAsUser.All, SMTP.Send, POP.AccessAsUser.All, each behind https://outlook.office.com/) and log in again", "请加入上面所示的 scope（IMAP.AccessAsUser.All、SMTP.Send、POP.AccessAsUser.All，前缀均为 https://outlook.office.com/）并重新登录"])
        .stage(Stage::Claims),
    e(Net, "token-other-account", &["[token-other-account]"], YOU_USER, EXO,
        ["the token is of another person than the account's user", "令牌属于另一个人，而非账户的用户"],
        ["log in as the user; for a shared mailbox the person who logged in needs full access to it: Add-MailboxPermission -Identity MAILBOX -User PERSON -AccessRights FullAccess", "请以该用户登录；对于共享邮箱，登录者需要完全访问权限：Add-MailboxPermission -Identity MAILBOX -User PERSON -AccessRights FullAccess"])
        .stage(Stage::Claims),
    e(Net, "no-address", &[], YOU, "RFC 1035",
        ["the name of the server has no address here", "此处无法解析服务器名称"],
        ["check the spelling of the host, and whether this machine has a network and a name server", "请检查主机名拼写，以及本机的网络和域名服务器"])
        .kind(Kind::NoAddress),
    e(Net, "proxy-credentials", &["[proxy-credentials]"], YOU, "RFC 9110 section 11.7, RFC 1929",
        ["the proxy wants a user name and password, or other ones", "代理要求用户名和密码，或给出的不正确"],
        ["put USER:PASSWORD@ before its host, in proxy of the account or in the variable that names it (HTTPS_PROXY, ALL_PROXY); % @ : are written %25 %40 %3A", "请在账户的 proxy 或指定代理的变量（HTTPS_PROXY、ALL_PROXY）中，把 USER:PASSWORD@ 写在主机之前；% @ : 写作 %25 %40 %3A"]),
    e(Net, "proxy-protocol", &["[proxy-protocol]"], YOU, "RFC 9110 section 9.3.6, RFC 1928",
        ["what answers there is no such proxy", "该处应答的不是此类代理"],
        ["check host and port of the proxy, and http or socks5 in front of them", "请检查代理的主机和端口，以及前面的 http 或 socks5"]),
    e(Net, "proxy-refused", &["[proxy-refused]"], YOU, "RFC 9110 section 9.3.6, RFC 1928",
        ["the proxy did not connect to the server", "代理没有连接到服务器"],
        ["whoever runs the proxy has to allow this host and port; NO_PROXY names servers that are reached without it", "需由代理管理员允许此主机和端口；NO_PROXY 列出不经代理的服务器"]),
    e(Net, "proxy", &["[proxy]"], YOU, "RFC 9110 section 9.3.6, RFC 1928",
        ["the proxy did not answer as it should", "代理没有正常应答"],
        ["check proxy of the account, or the variables HTTPS_PROXY and ALL_PROXY; NO_PROXY names servers that are reached without it", "请检查账户的 proxy，或变量 HTTPS_PROXY 和 ALL_PROXY；NO_PROXY 列出不经代理的服务器"]),
    e(Net, "connection-refused", &["[connection-refused]"], YOU, "RFC 9293",
        ["nothing listens there", "该处没有服务在监听"],
        ["check host and port", "请检查主机和端口"])
        .kind(Kind::Unreachable),
    e(Net, "unreachable", &[], YOU, "RFC 9293",
        ["the server can't be reached from here", "从此处无法连接服务器"],
        ["check the network, and host and port; a proxy may be needed", "请检查网络、主机和端口；可能需要代理"])
        .kind(Kind::Unreachable),
    e(Net, "connect-timeout", &["[connect]"], YOU, "RFC 9293",
        ["the server did not take the connection in time", "服务器未在规定时间内接受连接"],
        ["check host and port; a firewall may swallow the connection", "请检查主机和端口；防火墙可能丢弃了连接"])
        .kind(Kind::Timeout),
    e(Net, "starttls-silence", &["[starttls]"], YOU, "RFC 8314",
        ["the server was silent before TLS was started", "服务器在启用 TLS 之前没有回应"],
        ["something between may hold it up: try the port where TLS starts at once, with tls = \"implicit\" (993 for IMAP, 465 for SMTP); for a slow server raise timeouts.read of the account", "中间设备可能阻碍了连接：请尝试一开始就启用 TLS 的端口并设置 tls = \"implicit\"（IMAP 993，SMTP 465）；若服务器较慢，请调高账户的 timeouts.read"])
        .kind(Kind::Timeout).stage(Stage::Tls),
    e(Net, "tls-silence", &[], YOU, "RFC 8314",
        ["something takes the connection and does not speak TLS", "对方接受了连接但不使用 TLS"],
        ["for a port where TLS starts later set tls = \"starttls\"", "若该端口稍后才启用 TLS，请设置 tls = \"starttls\""])
        .kind(Kind::Timeout).stage(Stage::Tls),
    e(Net, "greeting-silence", &[], YOU, "RFC 8314",
        ["the server said nothing", "服务器没有任何回应"],
        ["the port may want TLS from the start: then set tls = \"implicit\"; for a slow server raise timeouts.read of the account", "该端口可能一开始就要求 TLS：请设置 tls = \"implicit\"；若服务器较慢，请调高账户的 timeouts.read"])
        .kind(Kind::Timeout).stage(Stage::Greeting),
    e(Net, "timeout", &[], YOU_WAIT, "Mailbearer",
        ["the server took too long", "服务器响应太慢"],
        ["try again later; the timeouts of the account can be raised", "请稍后重试；可以调高账户的 timeouts"])
        .kind(Kind::Timeout),
    e(Net, "certificate-name", &["[wrong-name]"], YOU, "RFC 9525",
        ["the certificate is for another name", "证书属于另一个名称"],
        ["the host must be spelt as the certificate has it; if it is, someone else answers in its place", "主机名必须与证书一致；若已一致，则是别人在冒充应答"])
        .kind(Kind::Certificate),
    e(Net, "certificate-expired", &["[expired]", "[not-yet-valid]"], YOU, "RFC 5280 section 4.1.2.5",
        ["the certificate is not valid at this time", "证书目前不在有效期内"],
        ["check this machine's clock; if it is right, the server's owner has to renew the certificate", "请检查本机时钟；若时钟正确，需由服务器所有者更新证书"])
        .kind(Kind::Certificate),
    e(Net, "certificate-ca-as-server", &["[authority-as-server]"], YOU, "RFC 5280 section 4.2.1.9",
        ["the server shows the certificate of an authority as its own, as `openssl req -x509` makes them", "服务器把 CA 证书当作自己的证书，`openssl req -x509` 默认会这样生成"],
        ["its owner should make one with basicConstraints=CA:FALSE (`-addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:HOST`), and you name it as tls.ca_file", "服务器所有者应以 basicConstraints=CA:FALSE 重新生成（`-addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:HOST`），然后将其设为 tls.ca_file"])
        .kind(Kind::Certificate),
    e(Net, "certificate-unknown", &[], YOU, "RFC 5280 section 6",
        ["nobody vouches for the server's certificate", "没有受信任的机构为该服务器证书担保"],
        ["if a private authority issued it, name that authority's certificate as tls.ca_file of the account; a proxy that looks into TLS needs the same", "若由私有 CA 签发，请将该 CA 的证书设为账户的 tls.ca_file；检查 TLS 的代理也是如此"])
        .kind(Kind::Certificate),
    e(Net, "not-tls", &["[not-tls]"], YOU, "RFC 8314",
        ["what answers there does not begin with TLS", "该端口的应答不是 TLS"],
        ["that port speaks another protocol, or starts TLS later: for the latter set tls = \"starttls\"", "该端口使用其他协议，或稍后才启用 TLS：后者请设置 tls = \"starttls\""])
        .kind(Kind::Tls),
    e(Net, "tls-failed", &[], YOU, "RFC 8446",
        ["TLS could not be agreed on", "无法协商 TLS"],
        ["check host and port; something between may tamper with the connection, or the server is too old for TLS 1.2", "请检查主机和端口；中间设备可能干扰了连接，或服务器太旧而不支持 TLS 1.2"])
        .kind(Kind::Tls),
    e(Net, "starttls-missing", &["[starttls-missing]"], YOU, "RFC 3207, RFC 9051 section 6.2.1",
        ["the server offers no STARTTLS on this port", "服务器在此端口不提供 STARTTLS"],
        ["use the port where TLS starts at once and tls = \"implicit\" (993 for IMAP, 465 for SMTP); if the server did offer STARTTLS before, someone between is tampering", "请使用一开始就启用 TLS 的端口并设置 tls = \"implicit\"（IMAP 993，SMTP 465）；若该服务器以前提供 STARTTLS，则中间有人篡改"])
        .stage(Stage::Tls),
    e(Net, "tampering", &["[bytes-before-tls]", "[preauth-in-clear]"], YOU, "RFC 9051 section 11",
        ["someone between sends data ahead of TLS", "有人在 TLS 之前插入数据"],
        ["don't use this network until it is known who does this; nothing secret was sent", "查明原因之前不要使用此网络；没有发送任何机密"])
        .stage(Stage::Tls),
    e(Net, "cut-at-tls", &[], YOU, "RFC 8446",
        ["the connection ended while TLS was being set up", "连接在建立 TLS 时中断"],
        ["check the port and tls; a firewall or proxy may cut what it does not know", "请检查端口和 tls 设置；防火墙或代理可能切断了连接"])
        .kind(Kind::Broken).stage(Stage::Tls),
    e(Net, "other-protocol", &[], YOU, "RFC 5321 section 3.1, RFC 9051 section 7.1",
        ["something else answers on that port", "该端口上是其他服务"],
        ["check host and port", "请检查主机和端口"])
        .kind(Kind::Protocol).stage(Stage::Greeting),
    e(Net, "backoff", &[], WAIT, "Mailbearer",
        ["the token endpoint failed a moment ago", "令牌端点刚刚失败"],
        ["wait, then try again", "请稍候再试"])
        .kind(Kind::Backoff),
    e(Net, "search-charset", &[], YOU, "RFC 9051 section 6.4.4; angus-mail #145, MS-STANXIMAP V0037",
        ["this server does not search for text that is not ASCII", "该服务器不支持搜索非 ASCII 文本"],
        ["look for words in ASCII, or narrow it down by other keys; Exchange searches for nothing but ASCII", "请搜索 ASCII 文字，或用其他条件缩小范围；Exchange 只支持 ASCII 搜索"])
        .kind(Kind::Charset),
    e(Net, "no-folder", &[], YOU, "RFC 5530, RFC 9051 section 7.1",
        ["there is no such folder", "没有这个文件夹"],
        ["`mailbearer folders` shows which there are", "`mailbearer folders` 列出现有文件夹"])
        .kind(Kind::NoFolder),
];
