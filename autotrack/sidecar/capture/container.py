"""The limits and the name of the container: cgroups of both versions, container, pod and batch job.

Sources: cgroup-v1/memory.rst, cgroup-v2.rst and proc(5) of the Linux kernel. Nothing here raises if a file is missing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CGROUPS = Path("/sys/fs/cgroup")
PROC = Path("/proc")
Pid = int | Literal["self"]

_UNLIMITED_BYTES = 1 << 62
"""Version 1 writes "no limit" as the largest number of whole pages that it can count, just under 2**63."""

_ID = "[0-9a-f]{64}|[0-9a-f]{32}-[0-9]{9,10}"
"""The ids that runtimes give to containers. The second form is that of Amazon ECS."""

_IN_CGROUP = re.compile(
    rf"(?:/|\b(?:docker|libpod|crio|cri-containerd)-)(?P<id>{_ID})(?:\.scope)?(?:/|$)", re.MULTILINE
)
_IN_MOUNTS = re.compile(rf"/(?:containers|overlay-containers)/(?P<id>{_ID})/(?:userdata/)?(?:hostname|resolv\.conf)\b")
_NAME_MOUNTS = re.compile(r" (/\S+) /etc/(?:hostname|resolv\.conf) ")
_POD_UID = re.compile(r"(?:/pods/|[/-]pod)(?P<uid>[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})\b")
_RUNTIMES = {  # by a word in the path of the cgroup, or of files that the runtime mounts
    "docker": "docker",
    "libpod": "podman",
    "crio": "cri-o",
    "containerd": "containerd",
    "lxc": "lxc",
    "overlay-containers": "cri-o",  # Podman has it too, but is recognised by its own file
}

_IMAGE_VARIABLES = ("APPTAINER_CONTAINER", "SINGULARITY_CONTAINER", "JUPYTER_IMAGE_SPEC", "CONTAINER_IMAGE")
_NAMESPACE_FILE = "run/secrets/kubernetes.io/serviceaccount/namespace"
_KUBERNETES = {"pod": ("POD_NAME", "HOSTNAME"), "namespace": ("POD_NAMESPACE",), "node": ("NODE_NAME",)}
"""Variables that the documentation of Kubernetes suggests for these names. The host name is that of the pod."""

_SCHEDULERS = {  # by the variable that reveals the scheduler: the names recorded here, and their variables
    "SLURM_JOB_ID": {
        "slurm_job_id": "SLURM_JOB_ID",
        "slurm_job_name": "SLURM_JOB_NAME",
        "slurm_cluster": "SLURM_CLUSTER_NAME",
        "slurm_partition": "SLURM_JOB_PARTITION",
        "slurm_nodelist": "SLURM_JOB_NODELIST",
        "slurm_nodes": "SLURM_JOB_NUM_NODES",
        "slurm_ntasks": "SLURM_NTASKS",
        "slurm_array_job_id": "SLURM_ARRAY_JOB_ID",
        "slurm_array_task_id": "SLURM_ARRAY_TASK_ID",
        "slurm_restart_count": "SLURM_RESTART_COUNT",
    },
    "PBS_JOBID": {"pbs_job_id": "PBS_JOBID", "pbs_job_name": "PBS_JOBNAME", "pbs_queue": "PBS_QUEUE"},
    "LSB_JOBID": {"lsf_job_id": "LSB_JOBID", "lsf_job_name": "LSB_JOBNAME", "lsf_queue": "LSB_QUEUE"},
    # JOB_ID alone could come from anything.
    "SGE_TASK_ID": {
        "sge_job_id": "JOB_ID",
        "sge_job_name": "JOB_NAME",
        "sge_queue": "QUEUE",
        "sge_task_id": "SGE_TASK_ID",
    },
    "AWS_BATCH_JOB_ID": {"aws_batch_job_id": "AWS_BATCH_JOB_ID", "aws_batch_queue": "AWS_BATCH_JQ_NAME"},
}


@dataclass(frozen=True)
class Limits:
    """What the cgroups of a process allow it to use. None is unlimited."""

    cpu_cores: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class _Groups:
    """The cgroups of a process for one controller: its own, then those around it, up to the mount."""

    version: int
    mount: Path
    own_first: tuple[Path, ...]

    def nearest(self, name: str) -> Path | None:
        """Return the innermost group that has this file: a controller may be switched on only further up."""
        return next((group for group in self.own_first if (group / name).is_file()), None)


def cgroup_limits(root: Path = CGROUPS, proc: Path = PROC, *, pid: Pid = "self") -> Limits:
    """Return the smallest limits among the cgroup of a process and those around it, as far as they can be seen."""
    cores = [limit for _, limit in _cpu_limits(_groups("cpu", root, proc, pid))]
    memory = [limit for _, limit in _memory_limits(_groups("memory", root, proc, pid))]
    return Limits(min(cores, default=None), min(memory, default=None))


def memory_used_bytes(root: Path = CGROUPS, proc: Path = PROC, *, pid: Pid = "self") -> int | None:
    """Return what counts against the smallest memory limit, without inactive file cache, as `docker stats` does.

    Without a limit, return the memory of the process's own cgroup; None if it has none, as outside of containers.
    """
    groups = _groups("memory", root, proc, pid)
    current, inactive = {
        1: ("memory.usage_in_bytes", "total_inactive_file"),
        2: ("memory.current", "inactive_file"),
    }[groups.version]
    limited = min(_memory_limits(groups), key=lambda pair: pair[1], default=None)
    group = limited[0] if limited else groups.nearest(current)
    used = _integer(group / current) if group else None
    if group is None or used is None:
        return None
    return max(0, used - _table(group / "memory.stat").get(inactive, 0))


def cpu_usage_seconds(root: Path = CGROUPS, proc: Path = PROC, *, pid: Pid = "self") -> float | None:
    """Return the CPU time that counts against the smallest CPU limit, or that of the process's own cgroup."""
    groups = _groups("cpu", root, proc, pid)
    limited = min(_cpu_limits(groups), key=lambda pair: pair[1], default=None)
    if groups.version == 2:
        group = limited[0] if limited else groups.nearest("cpu.stat")
        microseconds = _table(group / "cpu.stat").get("usage_usec") if group else None
        return None if microseconds is None else microseconds / 1e6
    accounting = _groups("cpuacct", root, proc, pid)  # usually the same folder as for cpu
    group = accounting.mount / limited[0].relative_to(groups.mount) if limited else None
    if group is None or not (group / "cpuacct.usage").is_file():
        group = accounting.nearest("cpuacct.usage")
    nanoseconds = _integer(group / "cpuacct.usage") if group else None
    return None if nanoseconds is None else nanoseconds / 1e9


def oom_kills(root: Path = CGROUPS, proc: Path = PROC, *, pid: Pid = "self") -> int | None:
    """Return how many processes in the cgroup of a process the kernel has killed because memory ran out.

    Version 2 includes the groups inside. None if nothing counts: outside of containers, or before Linux 4.13.
    """
    groups = _groups("memory", root, proc, pid)
    name = {1: "memory.oom_control", 2: "memory.events"}[groups.version]
    group = groups.nearest(name)
    return _table(group / name).get("oom_kill") if group else None


def identity(environ: Mapping[str, str], root: Path = Path("/"), proc: Path = PROC) -> dict[str, str]:
    """Return the names and ids of this container, pod and batch job, as far as they are visible from inside."""
    names_found = _container(environ, root, proc) | _kubernetes(environ, root, proc)
    for telling_variable, names in _SCHEDULERS.items():
        if environ.get(telling_variable):
            values = {name: environ.get(variable, "") for name, variable in names.items()}
            names_found |= {name: value for name, value in values.items() if value not in ("", "undefined")}
    return names_found


def _container(environ: Mapping[str, str], root: Path, proc: Path) -> dict[str, str]:
    podman = dict(_quoted(line) for line in _lines(root / "run/.containerenv"))  # empty unless privileged
    cgroups = "\n".join(_lines(proc / "self/cgroup"))
    mounts = "\n".join(_lines(proc / "self/mountinfo"))
    runtime = _runtime(environ, root, cgroups, mounts)
    match = _IN_CGROUP.search(cgroups) or _IN_MOUNTS.search(mounts)
    host = environ.get("HOSTNAME", "")
    short = host if runtime == "docker" and re.fullmatch("[0-9a-f]{12}", host) else ""
    image = next((environ[name] for name in _IMAGE_VARIABLES if environ.get(name)), "")
    container = {
        "container_runtime": runtime,
        "container_id": podman.get("id") or (match["id"] if match else short),
        "container_name": podman.get("name", ""),
        "container_image": podman.get("image") or image,
    }
    return {name: value for name, value in container.items() if value}


def _runtime(environ: Mapping[str, str], root: Path, cgroups: str, mounts: str) -> str:
    for name in ("apptainer", "singularity"):  # Apptainer sets the variable of Singularity as well
        if environ.get(f"{name.upper()}_CONTAINER"):
            return name
    if (root / "run/.containerenv").exists():
        return "podman"
    if (root / ".dockerenv").exists():
        return "docker"
    inside = _IN_CGROUP.search(cgroups) or re.search("/lxc[./]", cgroups)
    paths = " ".join([cgroups if inside else "", *_NAME_MOUNTS.findall(mounts)])
    runtime = next((name for word, name in _RUNTIMES.items() if word in paths), "")
    return runtime or environ.get("container", "")  # set by systemd-nspawn, LXC and others


def _kubernetes(environ: Mapping[str, str], root: Path, proc: Path) -> dict[str, str]:
    if not environ.get("KUBERNETES_SERVICE_HOST"):
        return {}
    names_found = {
        f"kubernetes_{name}": next((environ[variable] for variable in variables if environ.get(variable)), "")
        for name, variables in _KUBERNETES.items()
    }
    if namespace := " ".join(_words(root / _NAMESPACE_FILE)):
        names_found["kubernetes_namespace"] = namespace
    paths = "\n".join([*_lines(proc / "self/cgroup"), *_lines(proc / "self/mountinfo")])
    if uid := _POD_UID.search(paths):
        # systemd writes the hyphens as underscores in the name of a slice.
        names_found["kubernetes_pod_uid"] = uid["uid"].replace("_", "-")
    return {name: value for name, value in names_found.items() if value}


def _quoted(line: str) -> tuple[str, str]:
    name, _, value = line.partition("=")
    return name, value.strip('"')


def _groups(controller: str, root: Path, proc: Path, pid: Pid) -> _Groups:
    """Find the cgroups of a process for a controller. One may be of version 1 while others are of version 2."""
    unified = "/"
    for line in _lines(proc / str(pid) / "cgroup"):
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controller in controllers.split(","):
            mounts = [root / controller, root / controllers]
            mount = next((mount for mount in mounts if mount.is_dir()), mounts[0])
            return _Groups(1, mount, tuple(_upwards(mount, path)))
        if not controllers:
            unified = path
    mount = root / "unified" if (root / "unified").is_dir() else root
    return _Groups(2, mount, tuple(_upwards(mount, unified)))


def _upwards(mount: Path, path: str) -> Iterator[Path]:
    """Yield the folder of a cgroup below its mount, and then the folders around it.

    A container sees its own cgroup as the mount itself, while the path may still be the one that the host sees
    (`/docker/4f1d…`). So the beginning of the path is dropped until the rest exists.
    """
    parts = [part for part in path.split("/") if part]
    if ".." in parts:  # the process is outside of our cgroup namespace, and its group is invisible
        parts = []
    start = next((start for start in range(len(parts)) if mount.joinpath(*parts[start:]).is_dir()), len(parts))
    for end in range(len(parts), start - 1, -1):
        yield mount.joinpath(*parts[start:end])


def _cpu_limits(groups: _Groups) -> Iterator[tuple[Path, float]]:
    for group in groups.own_first:
        if groups.version == 2:
            quota, period = (*_words(group / "cpu.max"), "", "")[:2]
        else:
            quota, period = (" ".join(_words(group / f"cpu.cfs_{name}_us")) for name in ("quota", "period"))
        if quota.isdecimal() and period.isdecimal() and int(quota) and int(period):  # not "max", not "-1"
            yield group, int(quota) / int(period)


def _memory_limits(groups: _Groups) -> Iterator[tuple[Path, int]]:
    for group in groups.own_first:
        limit = _integer(group / ("memory.max" if groups.version == 2 else "memory.limit_in_bytes"))
        if limit is not None and 0 <= limit < _UNLIMITED_BYTES:
            yield group, limit


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # missing, not readable for us, or its cgroup is gone
        return []


def _words(path: Path) -> list[str]:
    return " ".join(_lines(path)).split()


def _integer(path: Path) -> int | None:
    word = "".join(_words(path))
    return int(word) if word.isdecimal() else None


def _table(path: Path) -> dict[str, int]:
    """Read a file that has a name and a number on each line."""
    rows = (line.split() for line in _lines(path))
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdecimal()}
