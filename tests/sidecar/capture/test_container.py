"""What the container allows and is called, told from frozen copies of /sys/fs/cgroup and /proc as they really look."""

from pathlib import Path

import pytest

from autotrack.sidecar.capture.container import (
    Limits,
    cgroup_limits,
    cpu_usage_seconds,
    identity,
    memory_used_bytes,
    oom_kills,
)

ID = "4f1d3c0a9be27f6d58c1e0b3a7924d6f8e5b0c1a2d3f4e5061728394a5b6c7d8"
POD = "0b7a7e55-0f5c-4d1c-9a52-8b7c6d5e4f30"
NO_LIMIT_IN_VERSION_1 = "9223372036854771712"

V1_HIERARCHIES = "12:pids:{0}\n9:memory:{0}\n4:cpu,cpuacct:{0}\n1:name=systemd:{0}\n0::/\n"


class Machine:
    """A frozen tree with the three folders that the functions take, filled from `{path: content}`."""

    def __init__(self, folder: Path, files: dict[str, str]) -> None:
        self.root, self.proc, self.cgroups = folder, folder / "proc", folder / "sys/fs/cgroup"
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content)

    def limits(self) -> Limits:
        return cgroup_limits(self.cgroups, self.proc)

    def usage(self) -> tuple[int | None, float | None, int | None]:
        where = (self.cgroups, self.proc)
        return memory_used_bytes(*where), cpu_usage_seconds(*where), oom_kills(*where)

    def identity(self, **environ: str) -> dict[str, str]:
        return identity(environ, self.root, self.proc)


def v1(group: str, *, limit: str, quota: str = "-1", used: str = "0", inactive: str = "0") -> dict[str, str]:
    """The files of one cgroup in both hierarchies of version 1 that matter here."""
    memory, cpu = f"sys/fs/cgroup/memory{group}", f"sys/fs/cgroup/cpu,cpuacct{group}"
    return {
        f"{memory}/memory.limit_in_bytes": f"{limit}\n",
        f"{memory}/memory.usage_in_bytes": f"{used}\n",
        f"{memory}/memory.stat": f"cache 9\nrss 8\ninactive_file 1\ntotal_cache 9\ntotal_inactive_file {inactive}\n",
        f"{memory}/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
        f"{cpu}/cpu.cfs_quota_us": f"{quota}\n",
        f"{cpu}/cpu.cfs_period_us": "100000\n",
        f"{cpu}/cpuacct.usage": "12345678900\n",
    }


def v2(group: str, *, limit: str = "max", cpu: str = "max 100000", used: str = "0") -> dict[str, str]:
    """The files of one cgroup of version 2."""
    folder = f"sys/fs/cgroup{group}"
    return {
        f"{folder}/memory.max": f"{limit}\n",
        f"{folder}/memory.current": f"{used}\n",
        f"{folder}/memory.stat": "anon 600\nfile 400\ninactive_anon 5\nactive_file 100\ninactive_file 300\n",
        f"{folder}/memory.events": "low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\noom_group_kill 0\n",
        f"{folder}/cpu.max": f"{cpu}\n",
        f"{folder}/cpu.stat": "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\nnr_periods 4\n",
    }


def in_docker_with_version_1(folder: Path) -> Machine:
    """The path is that of the host, while the container's own group is mounted at the top."""
    group = v1("", limit="2147483648", quota="150000", used="1000", inactive="300")
    return Machine(folder, {"proc/self/cgroup": V1_HIERARCHIES.format(f"/docker/{ID}"), ".dockerenv": "", **group})


def in_docker_with_version_2(folder: Path) -> Machine:
    mounts = (
        "912 911 0:98 / /proc rw,nosuid - proc proc rw\n"
        f"931 910 8:1 /var/lib/docker/containers/{ID}/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/sda1 rw\n"
        f"932 910 8:1 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw,relatime - ext4 /dev/sda1 rw\n"
    )
    group = v2("", limit="536870912", cpu="50000 100000", used="1000")
    return Machine(folder, {"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": mounts, ".dockerenv": "", **group})


def in_kubernetes(folder: Path) -> Machine:
    mounts = (
        f"640 610 259:1 /var/lib/kubelet/pods/{POD}/etc-hosts /etc/hosts rw - ext4 /dev/nvme0n1p1 rw\n"
        f"641 610 259:1 /var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/{ID}/hostname /etc/hostname rw - ext4 "
        "/dev/nvme0n1p1 rw\n"
    )
    group = v2("", limit="8589934592", cpu="400000 100000", used="1000")
    return Machine(
        folder,
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": mounts,
            "run/secrets/kubernetes.io/serviceaccount/namespace": "research",
            "run/secrets/kubernetes.io/serviceaccount/token": "eyJhbGciOiJSUzI1NiJ9.planted.secret",
            **group,
        },
    )


def in_slurm_with_version_1(folder: Path) -> Machine:
    """The job is what is limited; the step and the task in it are not."""
    job = "/slurm/uid_1000/job_42"
    cgroup = (
        f"9:memory:{job}/step_0/task_0\n8:cpuset:{job}/step_0\n4:cpu,cpuacct:/system.slice/slurmd.service\n"
        f"1:name=systemd:/system.slice/slurmd.service\n"
    )
    files = v1(f"{job}/step_0/task_0", limit=NO_LIMIT_IN_VERSION_1, used="5000", inactive="4000")
    files |= v1(f"{job}/step_0", limit=NO_LIMIT_IN_VERSION_1, used="5000", inactive="4000")
    files |= v1(job, limit="4294967296", used="7000", inactive="4500")
    files |= v1("", limit=NO_LIMIT_IN_VERSION_1, used="999999")
    return Machine(folder, {"proc/self/cgroup": cgroup, **files})


def test_docker_with_version_1_is_limited_as_its_mounts_say(tmp_path: Path) -> None:
    machine = in_docker_with_version_1(tmp_path)
    assert machine.limits() == Limits(cpu_cores=1.5, memory_bytes=2 * 2**30)
    assert machine.usage() == (700, 12.3456789, 3)


def test_docker_with_version_2_is_limited_by_what_looks_like_the_root(tmp_path: Path) -> None:
    machine = in_docker_with_version_2(tmp_path)
    assert machine.limits() == Limits(cpu_cores=0.5, memory_bytes=512 * 2**20)
    assert machine.usage() == (700, 2.5, 1)


def test_the_job_around_the_step_around_the_task_is_what_limits_in_slurm(tmp_path: Path) -> None:
    machine = in_slurm_with_version_1(tmp_path)
    assert machine.limits() == Limits(cpu_cores=None, memory_bytes=4 * 2**30)
    assert machine.usage()[0] == 7000 - 4500, "what counts against the limit is what the whole job uses"


def test_the_smallest_limit_on_the_way_up_counts(tmp_path: Path) -> None:
    files = v2("/user.slice/small.slice/run.scope", limit="3000000", cpu="200000 100000")
    files |= v2("/user.slice/small.slice", limit="2000000", cpu="max 100000")
    files |= v2("/user.slice", limit="9000000", cpu="75000 50000")
    machine = Machine(tmp_path, {"proc/self/cgroup": "0::/user.slice/small.slice/run.scope\n", **files})
    assert machine.limits() == Limits(cpu_cores=1.5, memory_bytes=2000000)


def test_another_cgroup_of_the_machine_limits_nothing(tmp_path: Path) -> None:
    files = v2("/mine", limit="3000000") | v2("/mine/below", limit="1000") | v2("/other", limit="2000")
    machine = Machine(tmp_path, {"proc/self/cgroup": "0::/mine\n", **files})
    assert machine.limits().memory_bytes == 3000000


def test_the_path_of_the_host_is_found_below_the_part_of_it_that_is_mounted(tmp_path: Path) -> None:
    files = v2("/training", limit="1000000") | v2("", limit="2000000")
    machine = Machine(tmp_path, {"proc/self/cgroup": f"0::/docker/{ID}/training\n", **files})
    assert machine.limits().memory_bytes == 1000000


def test_a_process_outside_of_our_cgroup_namespace_is_taken_to_be_in_the_root(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {"proc/self/cgroup": "0::/../other\n", **v2("", limit="1000"), **v2("/other")})
    assert machine.limits().memory_bytes == 1000


def test_controllers_of_both_versions_on_one_machine_are_each_read_where_they_are(tmp_path: Path) -> None:
    cgroup = "2:memory:/job\n0::/job\n"
    files = {
        "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "1000\n",
        "sys/fs/cgroup/unified/job/cpu.max": "300000 100000\n",
    }
    machine = Machine(tmp_path, {"proc/self/cgroup": cgroup, **files})
    assert machine.limits() == Limits(cpu_cores=3.0, memory_bytes=1000)


def test_accounting_of_cpu_time_may_lie_in_a_hierarchy_of_its_own(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "3:cpu:/job/step\n2:cpuacct:/job/step\n",
        "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": "200000\n",
        "sys/fs/cgroup/cpu/job/cpu.cfs_period_us": "100000\n",
        "sys/fs/cgroup/cpu/job/step/tasks": "",
        "sys/fs/cgroup/cpuacct/job/cpuacct.usage": "4000000000\n",
        "sys/fs/cgroup/cpuacct/job/step/cpuacct.usage": "1000000000\n",
    }
    machine = Machine(tmp_path, files)
    assert machine.limits().cpu_cores == 2.0
    assert machine.usage()[1] == 4.0, "the limit is that of the job, and so is what counts against it"


@pytest.mark.parametrize(
    "files",
    [
        {"proc/self/cgroup": "0::/\n", **v2("")},
        {"proc/self/cgroup": V1_HIERARCHIES.format("/"), **v1("", limit=NO_LIMIT_IN_VERSION_1)},
        {"proc/self/cgroup": "0::/user.slice\n", "sys/fs/cgroup/cpu.stat": "usage_usec 1\n"},
    ],
    ids=["version 2 with max", "version 1 with its largest numbers", "no controller switched on"],
)
def test_no_limit_is_none_and_no_large_number(tmp_path: Path, files: dict[str, str]) -> None:
    assert Machine(tmp_path, files).limits() == Limits(None, None)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": ""},
        {"proc/self/cgroup": "no cgroups\nhere:\n"},
        {"proc/self/cgroup": V1_HIERARCHIES.format("/gone")},
        {"proc/self/cgroup": "0::/gone (deleted)\n", "sys/fs/cgroup/memory.max": "\n", "sys/fs/cgroup/cpu.max": "0 0"},
    ],
    ids=["nothing at all", "empty", "no sense", "no mounts", "deleted and empty"],
)
def test_what_is_missing_is_not_known_and_raises_nothing(tmp_path: Path, files: dict[str, str]) -> None:
    machine = Machine(tmp_path, files)
    assert machine.limits() == Limits(None, None)
    assert machine.usage() == (None, None, None)
    assert machine.identity() == {}


def test_a_kernel_that_does_not_count_kills_is_not_taken_for_none_killed(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "9:memory:/\n",
        "sys/fs/cgroup/memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\n",
    }
    assert Machine(tmp_path, files).usage()[2] is None


def test_the_cgroup_of_another_process_is_asked_for_by_its_id(tmp_path: Path) -> None:
    files = {"proc/self/cgroup": "0::/a\n", "proc/77/cgroup": "0::/b\n", **v2("/a", limit="1"), **v2("/b", limit="2")}
    machine = Machine(tmp_path, files)
    assert cgroup_limits(machine.cgroups, machine.proc, pid=77).memory_bytes == 2


def test_this_machine_can_be_asked() -> None:
    assert isinstance(cgroup_limits(), Limits)
    assert (memory_used_bytes() or 0) >= 0
    assert (cpu_usage_seconds() or 0.0) >= 0.0
    assert (oom_kills() or 0) >= 0


# Identity


def test_docker_is_known_by_its_file_and_the_container_by_the_path_of_its_cgroup(tmp_path: Path) -> None:
    found = in_docker_with_version_1(tmp_path).identity(HOSTNAME="4f1d3c0a9be2")
    assert found == {"container_runtime": "docker", "container_id": ID}


def test_a_container_that_sees_no_path_of_its_cgroup_is_known_by_its_mounts(tmp_path: Path) -> None:
    found = in_docker_with_version_2(tmp_path).identity()
    assert found == {"container_runtime": "docker", "container_id": ID}


def test_the_host_name_that_docker_gives_stands_in_for_an_id_that_is_seen_nowhere(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {".dockerenv": "", "proc/self/cgroup": "0::/\n"})
    assert machine.identity(HOSTNAME="4f1d3c0a9be2")["container_id"] == "4f1d3c0a9be2"
    assert "container_id" not in machine.identity(HOSTNAME="workstation")


def test_podman_tells_the_image(tmp_path: Path) -> None:
    containerenv = (
        f'engine="podman-4.3.1"\nname="brave_curie"\nid="{ID}"\nimage="docker.io/pytorch/pytorch:2.5.1"\n'
        'imageid="d2c94e258dcb"\nrootless=1\n'
    )
    assert Machine(tmp_path, {"run/.containerenv": containerenv}).identity() == {
        "container_runtime": "podman",
        "container_id": ID,
        "container_name": "brave_curie",
        "container_image": "docker.io/pytorch/pytorch:2.5.1",
    }


@pytest.mark.parametrize(
    ("path", "runtime"),
    [
        (f"/kubepods.slice/kubepods-pod{POD.replace('-', '_')}.slice/cri-containerd-{ID}.scope", "containerd"),
        (f"/kubepods.slice/kubepods-pod{POD.replace('-', '_')}.slice/crio-{ID}.scope", "cri-o"),
        (f"/machine.slice/libpod-{ID}.scope/container", "podman"),
        (f"/system.slice/docker-{ID}.scope", "docker"),
    ],
)
def test_the_runtime_is_told_by_the_path_of_the_cgroup(tmp_path: Path, path: str, runtime: str) -> None:
    found = Machine(tmp_path, {"proc/self/cgroup": f"0::{path}\n"}).identity()
    assert found == {"container_runtime": runtime, "container_id": ID}


def test_a_process_beside_containers_is_in_none(tmp_path: Path) -> None:
    mounts = (
        f"700 25 0:60 / /var/lib/docker/containers/{ID}/mounts/shm rw - tmpfs shm rw,size=65536k\n"
        f"701 25 0:61 / /run/containerd/io.containerd.runtime.v2.task/moby/{ID}/rootfs rw - overlay overlay rw\n"
    )
    files = {"proc/self/cgroup": "0::/user.slice/user-1000.slice/session-3.scope\n", "proc/self/mountinfo": mounts}
    assert Machine(tmp_path, files).identity(HOSTNAME="workstation") == {}


def test_a_pod_is_known_by_its_name_namespace_and_uid_and_its_token_is_left_alone(tmp_path: Path) -> None:
    found = in_kubernetes(tmp_path).identity(
        KUBERNETES_SERVICE_HOST="10.96.0.1", HOSTNAME="train-7xk2p", NODE_NAME="gpu-node-3", JUPYTER_IMAGE_SPEC="lab:4"
    )
    assert found == {
        "container_runtime": "containerd",
        "container_image": "lab:4",
        "kubernetes_pod": "train-7xk2p",
        "kubernetes_namespace": "research",
        "kubernetes_node": "gpu-node-3",
        "kubernetes_pod_uid": POD,
    }


def test_apptainer_is_not_taken_for_the_singularity_that_it_was(tmp_path: Path) -> None:
    image = "/data/images/torch.sif"
    machine = Machine(tmp_path, {})
    assert machine.identity(APPTAINER_CONTAINER=image, SINGULARITY_CONTAINER=image) == {
        "container_runtime": "apptainer",
        "container_image": image,
    }
    assert machine.identity(SINGULARITY_CONTAINER=image)["container_runtime"] == "singularity"


def test_a_slurm_job_is_known_by_its_ids(tmp_path: Path) -> None:
    found = in_slurm_with_version_1(tmp_path).identity(
        SLURM_JOB_ID="42", SLURM_JOB_NAME="digits", SLURM_JOB_NODELIST="n[1-2]", SLURM_RESTART_COUNT="1", SLURM_JWT="x"
    )
    assert found == {
        "slurm_job_id": "42",
        "slurm_job_name": "digits",
        "slurm_nodelist": "n[1-2]",
        "slurm_restart_count": "1",
    }


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({"PBS_JOBID": "7.head", "PBS_QUEUE": "gpu"}, {"pbs_job_id": "7.head", "pbs_queue": "gpu"}),
        ({"LSB_JOBID": "8"}, {"lsf_job_id": "8"}),
        ({"JOB_ID": "9", "SGE_TASK_ID": "undefined"}, {"sge_job_id": "9"}),
        ({"AWS_BATCH_JOB_ID": "ab-12"}, {"aws_batch_job_id": "ab-12"}),
        ({"JOB_ID": "9"}, {}),
        ({"SLURM_JOB_ID": ""}, {}),
    ],
)
def test_other_schedulers_are_told_by_their_variables(
    tmp_path: Path, environ: dict[str, str], found: dict[str, str]
) -> None:
    assert Machine(tmp_path, {}).identity(**environ) == found
