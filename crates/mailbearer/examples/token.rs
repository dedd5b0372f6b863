//! Gets an access token for a program that speaks XOAUTH2 itself.
//!
//! ```console
//! $ curl --url imaps://outlook.office365.com/INBOX --user robot@contoso.com --oauth2-bearer "$(token)"
//! ```

#![expect(clippy::print_stdout, reason = "a program that prints what it got")]

mod settings;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let robot = settings::account()?.blocking()?;
    let token = robot.token()?;
    // `expose` is the only way to a secret, so that every use of one can be searched for.
    println!("{}", token.access_token.expose());
    Ok(())
}
