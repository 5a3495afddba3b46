// Stands in for the copies from global to shared memory that a thread does not wait for: see copies.cpp.
#pragma once

#include <cstddef>

void __pipeline_memcpy_async(void* to, const void* from, std::size_t bytes);
void __pipeline_commit();
void __pipeline_wait_prior(std::size_t groups);
