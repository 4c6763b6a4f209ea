#include "admission.h"

#include "op_frames.h"

namespace tio {

namespace {

thread_local bool t_silent = false;

}  // namespace

SilentScope::SilentScope() : previous_(t_silent) {
    t_silent = true;
}

SilentScope::~SilentScope() {
    t_silent = previous_;
}

bool Admission::silent() {
    return t_silent;
}

void Admission::set_handlers(const tio_obs_handlers* handlers, uint64_t minimum_bytes) {
    minimum_bytes_.store(handlers == nullptr ? UINT64_MAX : minimum_bytes);
    handlers_.store(handlers);
}

// The limit is checked before the bytes are counted, so that the peak never shows what was not allowed.
void Admission::admit(uint64_t bytes) {
    uint64_t current = live_.load(std::memory_order_relaxed);
    for (;;) {
        const uint64_t limit = limit_.load(std::memory_order_relaxed);
        const auto* handlers = handlers_.load();
        if (handlers != nullptr && limit != 0 && current + bytes > limit) {
            if (t_silent) throw OverLimit();
            char why[1024] = "";
            OpFrames::mark_delivered();
            if (handlers->make_room(handlers->user, bytes, why, sizeof why) != 0)
                throw std::runtime_error(why);
            current = live_.load(std::memory_order_relaxed);
            if (current + bytes > limit_.load(std::memory_order_relaxed)) continue;
        }
        if (live_.compare_exchange_weak(current, current + bytes, std::memory_order_relaxed)) break;
    }
    const uint64_t now = current + bytes;
    uint64_t peak = peak_.load(std::memory_order_relaxed);
    while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
    }
}

void Admission::tell_adopted(void* data, uint64_t bytes) const {
    if (!is_large(bytes)) return;
    if (const auto* handlers = handlers_.load(); handlers != nullptr)
        handlers->allocated(handlers->user, data, bytes, OpFrames::depth());
}

void Admission::tell_allocated(void* data, uint64_t bytes) const {
    const auto* handlers = handlers_.load();
    if (handlers == nullptr) return;
    OpFrames::mark_delivered();
    handlers->allocated(handlers->user, data, bytes, OpFrames::depth());
}

bool Admission::keep(void* data, uint64_t bytes) const {
    if (t_silent) return false;
    const auto* handlers = handlers_.load();
    return handlers != nullptr && handlers->freeing(handlers->user, data, bytes) != 0;
}

}  // namespace tio
