//! Where the program lies in memory.

use std::{fs, io};

/// Where the code of this program's own file is mapped: what turns addresses in memory and places in the file into the
/// addresses that its symbols have. It is the same for each process of the program but for where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    code: Vec<Segment>,
    /// Where address zero of the file lies.
    base: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    from: u64,
    to: u64,
    offset: u64,
}

impl Image {
    /// Of this process.
    ///
    /// # Errors
    /// If the kernel does not show the mappings.
    pub fn of_this_process() -> io::Result<Image> {
        let program = std::env::current_exe()?;
        let maps = fs::read_to_string("/proc/self/maps")?;
        let image = program.to_str().and_then(|program| Image::parse(&maps, program));
        image.ok_or_else(|| io::Error::other("/proc/self/maps does not show this program"))
    }

    /// From the text of `/proc/PID/maps`; `None` if the program is not in it.
    fn parse(maps: &str, program: &str) -> Option<Image> {
        let of_program = || maps.lines().filter(|line| line.ends_with(program));
        // The file's first byte has address zero: the program is position-independent, as Rust makes them.
        let base = of_program().filter_map(Segment::parse).find(|segment| segment.offset == 0)?.from;
        // Other segments may share a page of the file with the code.
        let code = of_program().filter(|line| line.contains(" r-xp ")).filter_map(Segment::parse).collect();
        Some(Image { code, base })
    }

    /// The address of what is here in memory; `None` outside of the program's code.
    pub fn address(&self, pointer: u64) -> Option<u64> {
        let is_inside = self.code.iter().any(|segment| (segment.from..segment.to).contains(&pointer));
        is_inside.then(|| pointer - self.base)
    }

    /// The address of what is at this offset of the file; `None` if it is not mapped.
    pub fn address_of_offset(&self, offset: u64) -> Option<u64> {
        let segment = self.code.iter().find(|one| (one.offset..one.offset + one.to - one.from).contains(&offset))?;
        Some(offset - segment.offset + segment.from - self.base)
    }
}

impl Segment {
    /// `from-to permissions offset device inode path`, in hexadecimal.
    fn parse(line: &str) -> Option<Segment> {
        let mut fields = line.split_ascii_whitespace();
        let (from, to) = fields.next()?.split_once('-')?;
        let hexadecimal = |text: &str| u64::from_str_radix(text, 16).ok();
        Some(Segment { from: hexadecimal(from)?, to: hexadecimal(to)?, offset: hexadecimal(fields.nth(1)?)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &str = "\
55d0c0000000-55d0c00ef000 r--p 00000000 fe:00 1234  /bin/program
55d0c00f0000-55d0c0700000 r-xp 000ef000 fe:00 1234  /bin/program
7f0000000000-7f0000100000 r-xp 00000000 fe:00 99    /lib/libc.so.6
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0     [stack]
";

    #[test]
    fn pointers_and_offsets_lead_to_addresses_of_the_file() {
        let image = Image::parse(MAPS, "/bin/program").unwrap();
        assert_eq!(image.address(0x55d0_c00f_0010), Some(0xf_0010));
        assert_eq!(image.address(0x7f00_0000_0010), None);
        // The text is loaded a page higher than it lies in the file.
        assert_eq!(image.address_of_offset(0xe_f010), Some(0xf_0010));
        assert_eq!(image.address_of_offset(0x1000), None);
        assert_eq!(image.address_of_offset(0x1000_0000), None);
        assert_eq!(Image::parse(MAPS, "/bin/other"), None);
    }

    #[test]
    fn this_process_is_found() {
        let image = Image::of_this_process().unwrap();
        assert!(image.address(this_process_is_found as fn() as usize as u64).is_some());
    }
}
