"""JupyterLab."""

from mspass_stack.rendered import Home, Probe
from mspass_stack.roles.clients import certificates, client_environment, tls_environment
from mspass_stack.roles.command import Command
from mspass_stack.topology import Process, Topology


def frontend(process: Process, topology: Topology, home: Home, workdir: str, python: str) -> Command:
    port = process.ports["http"]
    argv = [python, "-m", "jupyterlab", "--no-browser", "--ServerApp.ip=" + process.listen]
    argv += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--ServerApp.root_dir=" + workdir]
    argv += ["--config=" + str(home.jupyter_config), "--allow-root"]
    # The token arrives as a file: every user of the machine can read argv, and every kernel the environment.
    token = str(home.jupyter_token)
    environment = client_environment(topology, "peer") | tls_environment(topology, home)
    probe = Probe(kind="jupyter", host=process.host, address=process.address, port=port, token_file=token)
    client, config = str(home.client_env), str(home.jupyter_config)
    return Command(
        tuple(argv),
        {**environment, "JUPYTER_TOKEN_FILE": token},
        env_files=(client,),
        reads=(client, token, config, *certificates(topology, home)),
        writes=(workdir, str(home.scratch)),
        probe=probe,
        stop_grace=15,
    )
