"""The table of tests in the README: each test that it names exists."""
import re
import unittest
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
ROOT = PACKAGE.parents[1]


class TableTest(unittest.TestCase):
    @unittest.skipUnless((ROOT / "tests/program").exists(), "the package is not in the project")
    def test_each_named_test_exists(self) -> None:
        text = (PACKAGE / "README.md").read_text()
        rows = [line for line in text.splitlines() if line.startswith("| ")]
        named = {name for row in rows for name in re.findall(r"`((?:\w+_){2}\w+|\w+Test)`", row)}
        sources = [*PACKAGE.glob("tests/*.py"), *(ROOT / "tests/program").rglob("*.rs"), *(ROOT / "tests/c").iterdir()]
        code = "\n".join(path.read_text() for path in sources if path.is_file())
        defined = set(re.findall(r"^\s*(?:fn|def|class) (\w+)", code, re.MULTILINE))
        self.assertGreater(len(named), 40)
        self.assertEqual(named - defined, set())
        files = {name for row in rows for name in re.findall(r"`([\w/]+\.(?:py|rs))`", row)}
        self.assertEqual({name for name in files if not ((ROOT / name).exists() or (PACKAGE / "tests" / name).exists())},
                         set())


if __name__ == "__main__":
    unittest.main()
