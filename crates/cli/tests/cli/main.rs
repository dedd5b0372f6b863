//! The program itself, against servers in memory: what it prints, how it ends, what it leaves behind.

#[cfg(test)]
mod archives;
#[cfg(test)]
mod arguments;
#[cfg(test)]
mod claims;
mod composing;
#[cfg(test)]
#[cfg(unix)]
mod damaged;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod job;
#[cfg(test)]
#[cfg(target_os = "linux")]
#[cfg(feature = "keyring")]
mod keyring;
#[cfg(test)]
#[cfg(unix)]
mod login;
#[cfg(test)]
mod mailbox;
#[cfg(test)]
#[cfg(unix)]
mod mock;
#[cfg(test)]
mod odd_servers;
#[cfg(test)]
mod places;
#[cfg(test)]
mod pop;
#[cfg(test)]
mod reading;
#[cfg(test)]
#[cfg(unix)]
mod relay;
#[cfg(test)]
#[cfg(unix)]
mod relay_devices;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod relay_service;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod robots;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod sendmail;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod streaming;
#[cfg(test)]
#[cfg(unix)]
mod tokens;
#[cfg(test)]
mod trouble;
mod unknown;
mod untold;
#[cfg(test)]
mod watching;
