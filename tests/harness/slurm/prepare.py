"""`python -m tests.harness.slurm.prepare`: makes what the clusters of the tests are made from, before they run."""

from tests.harness.engine import install_tools
from tests.harness.slurm import role_image, tree

install_tools()
trees = " and ".join(str(tree.ensure(release)) for release in (tree.SID, tree.BOOKWORM))
print(f"the nodes are made from {trees}, the roles from {role_image.ensure_alone()}")
