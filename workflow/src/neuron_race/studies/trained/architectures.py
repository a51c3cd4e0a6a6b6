"""Runs of targets whose question is put to every hidden layer."""

from neuron_race.studies.trained.networks import train

__all__ = ["train"]
