use tinyferry_core::Reason;

use crate::files::{Files, Info, Mode, Space};

/// A file system whose constants and results differ from all defaults. Each method returns its own reason.
struct Odd;

impl Files for Odd {
    type File = ();
    const PARTIAL: &'static str = "odd";
    const IN_ORDER: bool = false;
    const IGNORES_CASE: bool = true;
    const TIME_UNIT: u8 = 10;

    fn open(&mut self, _: &str, _: Mode) -> Result<(), Reason> {
        Err(Reason::application(0))
    }

    fn read(&mut self, _: &mut (), _: u64, _: &mut [u8]) -> Result<usize, Reason> {
        Err(Reason::application(1))
    }

    fn write(&mut self, _: &mut (), _: u64, _: &[u8]) -> Result<(), Reason> {
        Err(Reason::application(2))
    }

    fn close(&mut self, _: ()) -> Result<(), Reason> {
        Err(Reason::application(3))
    }

    fn stat(&mut self, _: &str) -> Result<Info, Reason> {
        Err(Reason::application(4))
    }

    fn rename(&mut self, _: &str, _: &str) -> Result<(), Reason> {
        Err(Reason::application(5))
    }

    fn remove(&mut self, _: &str) -> Result<(), Reason> {
        Err(Reason::application(6))
    }

    fn create_directory(&mut self, _: &str) -> Result<(), Reason> {
        Err(Reason::application(7))
    }

    fn list(
        &mut self,
        _: &str,
        _: &mut u32,
        _: &mut dyn FnMut(&str),
    ) -> Result<Option<Info>, Reason> {
        Err(Reason::application(8))
    }

    fn space(&mut self) -> Result<Space, Reason> {
        Err(Reason::application(9))
    }

    fn set_time(&mut self, _: &str, _: i64) -> Result<(), Reason> {
        Err(Reason::application(10))
    }

    fn check_name(&self, _: &str) -> Result<(), Reason> {
        Err(Reason::application(11))
    }
}

/// The constants of a file system, and the error of each method.
fn found<F: Files<File = ()>>(
    mut files: F,
) -> ((&'static str, bool, bool, u8), [Option<Reason>; 12]) {
    let errors = [
        files.open("", Mode::Read).err(),
        files.read(&mut (), 0, &mut []).err(),
        files.write(&mut (), 0, &[]).err(),
        files.close(()).err(),
        files.stat("").err(),
        files.rename("", "").err(),
        files.remove("").err(),
        files.create_directory("").err(),
        files.list("", &mut 0, &mut |_| ()).err(),
        files.space().err(),
        files.set_time("", 0).err(),
        files.check_name("").err(),
    ];
    ((F::PARTIAL, F::IN_ORDER, F::IGNORES_CASE, F::TIME_UNIT), errors)
}

#[test]
fn a_reference_to_a_file_system_has_its_constants_and_forwards_each_method() {
    let reasons = core::array::from_fn(|number| Some(Reason::application(number as u16)));
    assert_eq!(found(&mut Odd), (("odd", false, true, 10), reasons));
}
