#include "op_frames.h"

#include <atomic>

namespace tio {

namespace {

struct Frames {
    uint32_t depth = 0;
    uint32_t backward = 0;
    bool delivered = false;
    uint64_t number = 0;
};

thread_local Frames t_frames;
std::atomic<uint64_t> g_threads{0};

}  // namespace

uint32_t OpFrames::depth() {
    return t_frames.depth;
}

void OpFrames::mark_delivered() {
    if (t_frames.depth != 0) t_frames.delivered = true;
}

uint64_t OpFrames::thread_number() {
    if (t_frames.number == 0) t_frames.number = ++g_threads;
    return t_frames.number;
}

void OpFrames::enter_backward() {
    ++t_frames.backward;
}

void OpFrames::leave_backward() {
    if (t_frames.backward > 0) --t_frames.backward;
}

bool OpFrames::in_backward() {
    return t_frames.backward > 0;
}

void OpFrames::enter() {
    ++t_frames.depth;
}

uint32_t OpFrames::leave() {
    // An op that was running when the observer attached ends without having begun here.
    if (t_frames.depth > 0) --t_frames.depth;
    return t_frames.depth;
}

bool OpFrames::take_delivered() {
    const bool delivered = t_frames.delivered;
    t_frames.delivered = false;
    return delivered;
}

}  // namespace tio
