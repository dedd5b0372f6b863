//! The mock against clients that others wrote, and transcripts against ours over TCP.

#[cfg(test)]
mod browser;
#[cfg(test)]
mod curl;
#[cfg(test)]
#[cfg(unix)]
mod dovecot;
#[cfg(test)]
mod facade;
#[cfg(test)]
mod flights;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod imap_ops;
#[cfg(test)]
mod languages;
#[cfg(test)]
mod login;
#[cfg(unix)]
mod mailers;
#[cfg(test)]
mod oddities;
#[cfg(test)]
mod pop3;
#[cfg(test)]
#[cfg(unix)]
mod pop3_clients;
#[cfg(test)]
#[cfg(unix)]
mod programs;
#[cfg(test)]
mod proxies;
#[cfg(test)]
mod python;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod relay;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod relay_hard;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod relay_postfix;
#[cfg(test)]
mod robots;
#[cfg(test)]
mod sending;
#[cfg(test)]
mod transcripts;
