//! RabbitMQ: starting, death and coming back. That it keeps messages is shown where there is a client: `broker`.

use std::net::TcpStream;

use servers::{Error, RabbitMq, RabbitMqOptions};

use crate::postgres::{eprint_took, note};

fn start(options: &RabbitMqOptions) -> Option<RabbitMq> {
    match RabbitMq::start(options) {
        Ok(server) => {
            eprint_took("RabbitMQ", server.took());
            Some(server)
        }
        Err(missing @ Error::Missing { .. }) => {
            note(&format!("SKIPPED: {missing}"));
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_killed_server_comes_back_at_its_address_and_nothing_is_left_of_a_dropped_one() {
    let Some(mut server) = start(&RabbitMqOptions::default()) else { return };
    let (url, port) = (server.url(), server.port());
    assert!(url.contains(&port.to_string()) && TcpStream::connect(("127.0.0.1", port)).is_ok());
    server.kill().unwrap();
    assert!(!server.is_running() && TcpStream::connect(("127.0.0.1", port)).is_err());
    server.restart().unwrap();
    assert!(server.is_running() && server.url() == url);
    let id = server.process_id().unwrap();
    let folder = std::fs::read_link(format!("/proc/{id}/cwd")).unwrap();
    assert!(works_in(&folder) >= 2, "a node and its name server");
    drop(server);
    assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
    assert!(!folder.exists());
    assert_eq!(works_in(&folder), 0);
}

/// How many processes work in a folder; where it is gone, the system says so behind its name.
fn works_in(folder: &std::path::Path) -> usize {
    let name = folder.to_string_lossy().into_owned();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let cwds = entries.filter_map(|entry| std::fs::read_link(entry.path().join("cwd")).ok());
    cwds.filter(|cwd| cwd.to_string_lossy().starts_with(&name)).count()
}

#[test]
fn two_servers_at_a_time_know_nothing_of_each_other() {
    let Some(one) = start(&RabbitMqOptions::default()) else { return };
    let Some(mut other) = start(&RabbitMqOptions::default()) else { return };
    assert_ne!(one.port(), other.port());
    drop(one);
    assert!(other.is_running());
    other.restart().unwrap();
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let settings = vec![("no_such_setting".to_owned(), "1".to_owned())];
    let error = match RabbitMq::start(&RabbitMqOptions { settings, ..RabbitMqOptions::default() }) {
        Err(Error::Missing { .. }) => return,
        tried => tried.unwrap_err(),
    };
    assert!(
        matches!(&error, Error::NotReady { log, .. } if log.contains("no_such_setting")),
        "{error}"
    );
}
