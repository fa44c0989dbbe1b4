//! Which import of which tenant stands where. Kept in memory: what must outlive the process is kept by the
//! catalogue, which knows of every import how much of it is applied.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kit::TenantCode;
use product_api::ImportStatus;
use product_api::feed::{Plan, Report, Settings};

/// A file that was looked at.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The file. It has no name any more, so that nothing is left of it whatever happens.
    pub(crate) file: File,
    /// What tells it from other files.
    pub(crate) hash: String,
    /// How it is understood.
    pub(crate) settings: Settings,
    /// What it holds.
    pub(crate) report: Report,
    /// What importing it would do.
    pub(crate) plan: Plan,
}

/// Why an import did not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It was cut off: the process stops, or something in it failed.
    CutOff,
    /// A service said no, in its words.
    Refused(String),
    /// The catalogue does not take a product, in its words; that one can be passed over.
    NotTaken(String),
}

/// Where an import stands.
#[derive(Debug, Clone)]
pub(crate) enum State {
    /// The file is on its way here.
    Uploading,
    /// The file is looked at.
    Checking {
        /// Products that the catalogue was asked about.
        done: u32,
        /// Products of the file, once that is known.
        of: Option<u32>,
    },
    /// The file was looked at, and somebody is to decide.
    Checked(Arc<Checked>),
    /// Its products go into the catalogue.
    Applying {
        /// The file.
        checked: Arc<Checked>,
        /// How far it is.
        status: Option<ImportStatus>,
    },
    /// All of it is there.
    Done(ImportStatus),
    /// It did not go on.
    Failed {
        /// Why.
        trouble: Trouble,
        /// The file, when it can be tried again.
        checked: Option<Arc<Checked>>,
    },
}

impl State {
    /// Whether something is being done, so that no other may begin.
    pub(crate) const fn is_busy(&self) -> bool {
        matches!(self, Self::Uploading | Self::Checking { .. } | Self::Applying { .. })
    }
}

/// One import.
#[derive(Debug)]
pub(crate) struct Job {
    /// Names it in addresses.
    pub(crate) id: String,
    file_name: Mutex<String>,
    state: Mutex<State>,
}

/// A lock that a panic has poisoned guards values that are whole all the same.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Job {
    /// Where it stands.
    pub(crate) fn state(&self) -> State {
        locked(&self.state).clone()
    }

    /// Where it stands from now on.
    pub(crate) fn set(&self, state: State) {
        *locked(&self.state) = state;
    }

    /// Moves it on if it stands where `from` says. Two that decide at the same time do not both win.
    pub(crate) fn move_on(&self, from: impl FnOnce(&State) -> Option<State>) -> bool {
        let mut state = locked(&self.state);
        let next = from(&state);
        let moved = next.is_some();
        if let Some(next) = next {
            *state = next;
        }
        moved
    }

    /// Notes how the file is called.
    pub(crate) fn call(&self, name: String) {
        *locked(&self.file_name) = name;
    }

    /// How the file is called, for people.
    pub(crate) fn name(&self) -> String {
        locked(&self.file_name).clone()
    }
}

/// The imports of this process: the latest of each tenant.
#[derive(Debug, Default)]
pub(crate) struct Imports(Mutex<HashMap<TenantCode, Arc<Job>>>);

impl Imports {
    /// The tenant's latest import.
    pub(crate) fn of(&self, tenant: &TenantCode) -> Option<Arc<Job>> {
        locked(&self.0).get(tenant).cloned()
    }

    /// Makes room for a new one; the one before is forgotten unless it is busy.
    ///
    /// # Errors
    /// The busy one.
    pub(crate) fn begin(&self, tenant: &TenantCode, id: String) -> Result<Begun<'_>, Arc<Job>> {
        let mut jobs = locked(&self.0);
        if let Some(busy) = jobs.get(tenant).filter(|job| job.state().is_busy()) {
            return Err(Arc::clone(busy));
        }
        let job =
            Arc::new(Job { id, file_name: Mutex::default(), state: Mutex::new(State::Uploading) });
        jobs.insert(tenant.clone(), Arc::clone(&job));
        Ok(Begun { imports: self, tenant: tenant.clone(), job, kept: false })
    }

    /// Forgets an import unless it is busy.
    pub(crate) fn forget(&self, tenant: &TenantCode, id: &str) {
        let mut jobs = locked(&self.0);
        if jobs.get(tenant).is_some_and(|job| job.id == id && !job.state().is_busy()) {
            jobs.remove(tenant);
        }
    }
}

/// An import whose file is on its way. Forgotten when that does not arrive.
#[derive(Debug)]
pub(crate) struct Begun<'a> {
    imports: &'a Imports,
    tenant: TenantCode,
    /// The import.
    pub(crate) job: Arc<Job>,
    kept: bool,
}

impl Begun<'_> {
    /// The file is here: the import stays.
    pub(crate) fn keep(mut self) -> Arc<Job> {
        self.kept = true;
        Arc::clone(&self.job)
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.job.set(State::Failed { trouble: Trouble::CutOff, checked: None });
            self.imports.forget(&self.tenant, &self.job.id);
        }
    }
}

/// Whoever works on an import holds this: when the work ends without a word, the import was cut off.
#[derive(Debug)]
pub(crate) struct AtWork(pub(crate) Arc<Job>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.move_on(|state| {
            let checked = match state {
                State::Checking { .. } => None,
                State::Applying { checked, .. } => Some(Arc::clone(checked)),
                _ => return None,
            };
            Some(State::Failed { trouble: Trouble::CutOff, checked })
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant() -> TenantCode {
        "flora".parse().unwrap()
    }

    #[test]
    fn a_tenant_has_one_import_at_a_time() {
        let imports = Imports::default();
        let job = imports.begin(&tenant(), "a".into()).unwrap().keep();
        assert_eq!(imports.begin(&tenant(), "b".into()).unwrap_err().id, "a");
        assert!(imports.begin(&"gadget".parse().unwrap(), "c".into()).is_ok());
        imports.forget(&tenant(), "a");
        assert!(imports.of(&tenant()).is_some(), "what is busy is not forgotten");
        job.set(State::Failed { trouble: Trouble::CutOff, checked: None });
        assert_eq!(imports.begin(&tenant(), "b".into()).unwrap().keep().id, "b");
    }

    #[test]
    fn an_upload_that_breaks_off_makes_room_for_the_next() {
        let imports = Imports::default();
        drop(imports.begin(&tenant(), "a".into()).unwrap());
        assert!(imports.of(&tenant()).is_none());
        assert!(imports.begin(&tenant(), "b".into()).is_ok());
    }

    #[test]
    fn work_that_ends_without_a_word_was_cut_off() {
        let imports = Imports::default();
        let job = imports.begin(&tenant(), "a".into()).unwrap().keep();
        job.set(State::Checking { done: 0, of: None });
        drop(AtWork(Arc::clone(&job)));
        assert!(matches!(job.state(), State::Failed { trouble: Trouble::CutOff, checked: None }));
        drop(AtWork(Arc::clone(&job)));
        assert!(matches!(job.state(), State::Failed { .. }));
    }
}
