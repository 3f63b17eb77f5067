// Made by Proto/generate.
#pragma once
#include "apus/admin/v1/admin.pb-c.h"
#include "apus/graph/v1/graph.pb-c.h"
#include "apus/shard/v1/shard.pb-c.h"
#include "apus/text/v1/text.pb-c.h"
#include "apus/vision/v1/vision.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "inference.pb-c.h"
#include "inference_config.pb-c.h"
#include "tei/v1/tei.pb-c.h"
#include "ServiceDescriptors.h"
