//! Logs of one test, although all tests of this process share one subscriber. A test's runtime has one
//! thread, so what is logged on the test's thread is the test's.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::sync::Once;

use telemetry::logs::{Format, subscriber};

thread_local! {
    static LINES: RefCell<Option<Rc<RefCell<Vec<u8>>>>> = const { RefCell::new(None) };
}

/// Sets the subscriber, once and before anything is logged.
pub fn init() {
    static SET: Once = Once::new();
    SET.call_once(|| {
        let filter = "trace,hyper=off,reqwest=off,hyper_util=off,mio=off";
        let logs = subscriber(Format::Json, filter, false, || ToThread).unwrap();
        tracing::subscriber::set_global_default(logs).unwrap();
    });
}

struct ToThread;

impl Write for ToThread {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow(|lines| {
            if let Some(lines) = lines {
                lines.borrow_mut().extend_from_slice(buf);
            }
        });
        Ok(buf.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What this thread logged since.
pub struct Logs(Rc<RefCell<Vec<u8>>>);

impl Logs {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

pub fn captured_logs() -> Logs {
    let lines = Rc::default();
    LINES.set(Some(Rc::clone(&lines)));
    Logs(lines)
}
