// Tests of GraphModels.
