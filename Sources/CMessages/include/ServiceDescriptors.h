// Made by Proto/generate.
#pragma once
#include <stddef.h>
#include <stdint.h>
/// A serialised google.protobuf.FileDescriptorSet of everything in Proto/ that Apus serves.
const uint8_t *apus_service_descriptors(void);
extern const size_t apus_service_descriptors_byte_count;
