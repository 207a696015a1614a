"""`python -m tests.harness`: makes what the tests share, before they run side by side and wait for each other."""

from tests.harness.engine import NoEngine, install_tools
from tests.harness.lab import ensure_test_image

try:
    install_tools()
    print(f"the test image is {ensure_test_image()}")
except NoEngine as error:
    print(f"no test image: {error}")
