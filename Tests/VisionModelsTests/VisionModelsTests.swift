// Tests of VisionModels.
