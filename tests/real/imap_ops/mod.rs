//! Every operation on IMAP that Dovecot offers, on both drivers.

#[path = "../../conformance/imap_ops/dice.rs"]
mod dice;
#[path = "../../conformance/imap_ops/proxy.rs"]
#[expect(dead_code, reason = "not all of it is of use here")]
mod proxy;

use mailbearer::{
    Account, UidSet,
    proto::imap::{Flag, StoreAction},
};

use crate::servers::{self, Box};

pub(crate) use dice::Dice;
pub(crate) use proxy::Proxy;

/// A mailbox of its own and how to get at it.
pub(crate) struct Bench {
    pub(crate) account: Account,
    _endpoint: mailbearer_mock::Server,
}

impl Bench {
    pub(crate) fn start() -> Self {
        let mailbox = Box::new();
        let endpoint = servers::endpoint(&mailbox.token);
        let account = servers::account(&mailbox.user, &endpoint);
        clean(&account);
        Self { account, _endpoint: endpoint }
    }
}

/// Removes what an earlier run on the same servers left.
fn clean(account: &Account) {
    let mut imap = account.clone().blocking().unwrap().connect_imap().unwrap();
    let mut folders = imap.folders("*").unwrap();
    // What is below another goes first.
    folders.sort_by_key(|folder| std::cmp::Reverse(folder.name.len()));
    for folder in folders {
        if folder.role.is_none() {
            let _ = imap.delete(&folder.name);
        } else {
            let mut folder = imap.select(&folder.name).unwrap();
            folder.store(UidSet::all(), StoreAction::Add, &[Flag::Deleted]).unwrap();
            folder.close().unwrap();
        }
    }
    imap.logout().unwrap();
}

#[path = "."]
mod blocking {
    pub(super) use mailbearer::Blocking as Driver;

    macro_rules! wait {
        ($operation:expr) => {
            $operation
        };
    }

    pub(super) fn run<T: Send>(test: impl Future<Output = T> + Send) -> T {
        <Driver as mailbearer::Runtime>::task(test)
    }

    #[expect(clippy::duplicate_mod, reason = "once for each driver")]
    #[path = "cases.rs"]
    mod cases;
    #[expect(clippy::duplicate_mod, reason = "once for each driver")]
    #[path = "news.rs"]
    mod news;
}

#[path = "."]
mod on_tokio {
    pub(super) use mailbearer::Tokio as Driver;

    macro_rules! wait {
        ($operation:expr) => {
            $operation.await
        };
    }

    pub(super) fn run<T: Send>(test: impl Future<Output = T> + Send) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
    }

    #[expect(clippy::duplicate_mod, reason = "once for each driver")]
    #[path = "cases.rs"]
    mod cases;
    #[expect(clippy::duplicate_mod, reason = "once for each driver")]
    #[path = "news.rs"]
    mod news;
}
