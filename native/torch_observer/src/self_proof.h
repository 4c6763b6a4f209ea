// Proof, on live tensors, that the layout table fits the libtorch in this process. Nothing is hooked up
// before it passed.
#pragma once

#include <string>

#include "layout.h"
#include "symbols.h"

namespace tio {

// Requires the gate to be installed. Empty when everything came out as expected, else what differed.
std::string prove(const Symbols& symbols, const Layout& layout);

}  // namespace tio
