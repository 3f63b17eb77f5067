// Tests of TextModels.
