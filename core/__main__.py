"""The command line: python -m core VERB."""

from core.scenario import load_scenario
from core.settings import settings
from core.train.run import train_weights, training_streams

if __name__ == "__main__":
    scenario = load_scenario("fashion")
    training = scenario.training_of("glow")
    streams = training_streams(scenario, settings().data, batch_size=training.batch_size)
    train_weights(scenario, "glow", streams=streams, minutes=training.minutes, config=training.config, seed=training.seed)
