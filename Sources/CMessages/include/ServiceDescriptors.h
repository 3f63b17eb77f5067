// Made by Proto/generate.
#pragma once
#include <stddef.h>
#include <stdint.h>
/// A serialised google.protobuf.FileDescriptorSet of everything in Proto/.
extern const uint8_t apus_service_descriptors[];
extern const size_t apus_service_descriptors_byte_count;
