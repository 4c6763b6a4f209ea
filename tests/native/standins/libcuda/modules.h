// Kernels that are loaded from PTX: the stand-in knows a few by name and runs their C source on the CPU.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "cuda/driver_abi.h"

namespace tio::standin {

namespace cuda = tio::gds::cuda;

struct Launch {
    unsigned grid[3];
    unsigned block[3];
    unsigned shared_bytes;
    void** parameters;
};

// One that the stand-in can run.
struct Kernel {
    const char* name;
    // Looks at a launch when it is enqueued, with the machine's mutex held. Returns work for the stream, or
    // reports misuse and returns nothing.
    std::function<void()> (*prepare)(const Launch& launch);
};

const Kernel* find_kernel(const std::string& name);

}  // namespace tio::standin
