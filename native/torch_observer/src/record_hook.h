// libtorch's RecordFunction callbacks turned into events.
#pragma once

#include <cstdint>
#include <string>

#include "layout.h"
#include "symbols.h"
#include "tio_observer.h"

namespace tio {

struct HookSettings {
    uint64_t minimum_bytes = UINT64_MAX;
    uint32_t flags = 0;
};

class RecordHook {
  public:
    // Begins delivering; symbols and layout must outlive it.
    static void install(const Symbols& symbols, const Layout& layout, const tio_obs_handlers* handlers,
                        const HookSettings& settings);
    static void uninstall();
    static uint64_t operations();
    static uint64_t deliveries();
};

// Fills `operand` from a storage; adopts foreign memory where it can and tells so.
bool describe_storage(void* storage, const Layout& layout, uint64_t minimum_bytes, tio_obs_operand& operand);

}  // namespace tio
