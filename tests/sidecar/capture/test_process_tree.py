"""Processes that come, go and turn into zombies are sampled exactly: from a frozen /proc, at two moments."""

import os

import psutil
import pytest

from tests.sidecar.capture.frozen_load.machine import MB, TRAINING, Machine

pytestmark = pytest.mark.skipif(not psutil.LINUX, reason="there is no /proc")


def test_a_child_that_ended_keeps_the_time_and_traffic_that_its_parent_took_over(machine: Machine) -> None:
    machine.process(TRAINING, parent=1, own=10.0, written=MB)
    machine.process(4101, parent=TRAINING, own=200.0, written=50 * MB)
    sampler = machine.sampler()
    machine.seconds += 10
    machine.ends(4101)  # after three more seconds and 4 MB
    machine.process(TRAINING, parent=1, own=12.0, waited_for=203.0, written=MB + 54 * MB)
    values = sampler.sample()
    assert values["process_cpu_percent"] == 50.0
    assert values["process_written_bytes_per_second"] == 0.4 * MB
    assert values["process_count"] == 1


def test_a_child_that_came_and_went_between_two_samples_counts(machine: Machine) -> None:
    machine.process(TRAINING, parent=1, own=10.0)
    sampler = machine.sampler()
    machine.seconds += 10
    machine.process(TRAINING, parent=1, own=10.0, waited_for=4.0)
    assert sampler.sample()["process_cpu_percent"] == 40.0


def test_grandchildren_count_and_new_ones_from_their_start(machine: Machine) -> None:
    machine.process(TRAINING, parent=1, own=10.0)
    machine.process(4101, parent=TRAINING, own=5.0)
    machine.process(900, parent=1, own=7.0)  # somebody else's
    sampler = machine.sampler()
    machine.seconds += 10
    machine.process(4100 - 7, parent=4101, own=1.0, started=700)  # numbers start again at times
    machine.process(4102, parent=4100 - 7, own=2.0, started=701)
    machine.process(901, parent=900, own=50.0, started=702)
    values = sampler.sample()
    assert (values["process_count"], values["process_cpu_percent"]) == (4, 30.0)
    machine.seconds += 10
    assert (sampler.sample()["process_count"], machine.gpus.pids) == (4, [4093, 4100, 4101, 4102])


def test_a_child_that_nobody_waits_for_makes_nothing_negative(machine: Machine) -> None:
    machine.process(TRAINING, parent=1, own=10.0, read=MB)
    machine.process(4101, parent=TRAINING, own=200.0, read=90 * MB)
    sampler = machine.sampler()
    machine.ends(4101)
    for own in (10.0, 10.0, 13.0):
        machine.seconds += 10
        machine.process(TRAINING, parent=1, own=own, read=MB)
        values = sampler.sample()
        assert values["process_cpu_percent"] == (own - 10.0) * 10
        assert values["process_read_bytes_per_second"] == 0.0


def test_a_parent_that_was_looked_at_just_before_its_child_ended_makes_no_peak(machine: Machine) -> None:
    machine.process(TRAINING, parent=1, own=10.0)
    machine.process(4101, parent=TRAINING, own=200.0)
    sampler = machine.sampler()
    machine.seconds += 10
    machine.ends(4101)
    assert sampler.sample()["process_cpu_percent"] == 0.0
    machine.seconds += 10
    machine.process(TRAINING, parent=1, own=10.0, waited_for=205.0)
    assert sampler.sample()["process_cpu_percent"] == 50.0


def test_a_zombie_keeps_its_time_and_holds_nothing(machine: Machine) -> None:
    machine.process(TRAINING, parent=1, own=10.0)
    machine.process(4101, parent=TRAINING, own=20.0)
    sampler = machine.sampler()
    machine.seconds += 10
    machine.process(4101, parent=TRAINING, own=23.0, memory=0, state="Z")
    values = sampler.sample()
    assert (values["process_cpu_percent"], values["process_count"], values["process_threads"]) == (30.0, 1, 1)


def test_the_sampling_process_and_its_children_are_no_part_of_the_training(machine: Machine) -> None:
    machine.process(TRAINING, parent=1, own=10.0)
    machine.process(os.getpid(), parent=TRAINING, own=1.0)
    sampler = machine.sampler()
    for own in (5.0, 9.0):
        machine.seconds += 10
        machine.process(os.getpid(), parent=TRAINING, own=own)
        machine.process(os.getpid() + 1, parent=os.getpid(), own=own)
        values = sampler.sample()
        assert (values["process_count"], values["process_cpu_percent"]) == (1, 0.0)


def test_a_process_can_sample_itself(machine: Machine) -> None:
    machine.process(os.getpid(), parent=1, own=10.0)
    machine.process(os.getpid() + 1, parent=os.getpid(), own=10.0)
    sampler = machine.sampler(os.getpid())
    machine.seconds += 10
    machine.process(os.getpid(), parent=1, own=15.0)
    values = sampler.sample()
    assert (values["process_count"], values["process_cpu_percent"]) == (2, 50.0)


@pytest.mark.parametrize("end", ["gone", "zombie", "another process", "never there"])
def test_a_training_that_is_gone_leaves_values_of_the_machine(machine: Machine, end: str) -> None:
    machine.process(TRAINING, parent=1, own=10.0)
    machine.container(cpu_seconds=1.0, memory=MB)
    if end == "never there":
        machine.ends(TRAINING)
    sampler = machine.sampler()
    machine.process(4101, parent=TRAINING)
    if end == "gone":
        machine.ends(TRAINING)
    elif end == "zombie":
        machine.process(TRAINING, parent=1, own=10.0, state="Z")
    elif end == "another process":
        machine.process(TRAINING, parent=1, started=800)
    machine.seconds += 5
    machine.busy(user=1, idle=1)
    values = sampler.sample()
    assert {name.partition("_")[0] for name in values} == {"host", "disk", "gpu0"}
    assert values["host_cpu_percent"] == 50.0
    assert machine.gpus.pids == []


def test_a_number_given_to_another_child_starts_from_nothing(machine: Machine) -> None:
    machine.process(TRAINING, parent=1, own=10.0)
    machine.process(4101, parent=TRAINING, own=90.0)
    sampler = machine.sampler()
    machine.process(TRAINING, parent=1, own=10.0, waited_for=90.0)
    machine.process(4101, parent=TRAINING, own=1.0, started=600)
    shares = []
    for _ in range(2):
        machine.seconds += 10
        shares.append(sampler.sample()["process_cpu_percent"])
    assert sum(shares) == 10.0
