//! What the hub promises, shown on the running binary with real programs on the other side.

mod appservice;
mod backup;
mod clients;
mod config;
mod conversation;
mod counterparts;
mod coverage;
mod crash;
mod discord;
mod faults;
mod history;
mod input;
mod irc;
mod loss;
mod mail;
mod page;
mod previews;
mod queues;
mod registrations;
mod rooms;
mod telegram;
