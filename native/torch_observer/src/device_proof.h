// Proof, on live tensors, that libtorch's CUDA allocator is the one that the layout table describes.
#pragma once

#include <string>

#include "device_gate.h"
#include "layout.h"
#include "symbols.h"

namespace tio {

// Requires the gate to be installed and the layout to be proved on the CPU: nothing here could find a wrong
// offset without danger for the device's context. Empty when everything came out as expected, else what
// differed.
std::string prove_device(const Symbols& symbols, const Layout& layout, DeviceGate& gate);

}  // namespace tio
