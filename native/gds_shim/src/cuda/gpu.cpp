#include "cuda/gpu.h"

#include <string>

namespace tio::gds::cuda {

namespace {

const tio_gds_gpu_options& checked(const tio_gds_gpu_options& options) {
    if (options.reserved != 0) throw Failure(TIO_E_INVALID, "reserved is not 0");
    if (options.waits != TIO_WAITS_ON_STREAMS && options.waits != TIO_WAITS_ON_HOST)
        throw Failure(TIO_E_INVALID, "waits is " + std::to_string(options.waits) + ", none of TIO_WAITS_*");
    return options;
}

}  // namespace

FlagPoint::FlagPoint(Gpu& gpu, uint32_t transfers)
    : TransferPoint(transfers), gpu_(gpu), flag_(gpu.flags_->take()) {
    ++gpu_.armed_points_;
}

FlagPoint::~FlagPoint() {
    gpu_.flags_->give_back(flag_);
    --gpu_.armed_points_;
}

Gpu::Gpu(const tio_gds_gpu_options& options)
    : device_(static_cast<int>(checked(options).device)),
      context_(Driver::shared(), device_),
      driver_(context_.driver()),
      memory_(context_),
      flags_(std::make_unique<FlagPool>(driver_)),
      streams_wait_(options.waits == TIO_WAITS_ON_STREAMS && driver_.can_wait_on_values()) {}

Gpu::~Gpu() {
    try {
        const CurrentContext current(context_);
        flags_.reset();
    } catch (const Failure&) {
        // A lost device: the pages go with the member, as far as the driver still takes it.
    }
}

void Gpu::require_childless() const {
    const auto require_none = [](size_t count, const char* what) {
        if (count != 0) throw Failure(TIO_E_INVALID, std::to_string(count) + what);
    };
    require_none(fences_, " fences of the device are not destroyed");
    require_none(timelines_, " timelines of the device are not destroyed");
    require_none(checksums_, " objects for checksums of the device are not destroyed");
    require_none(memory_.allocations(), " allocations on the device are not freed");
}

void Gpu::close() {
    require_childless();
    const CurrentContext current(context_);
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        watches_.clear();
    }
    const uint32_t armed = armed_points_;
    if (armed != 0)
        throw Failure(TIO_E_INVALID, "requests that signal " + std::to_string(armed) +
                                         " fences of the device are in flight; wait for their completions");
    // Every flag is open, but streams may not have come to them yet. An error means that nothing runs any
    // more.
    driver_.context_synchronize();
}

tio_gds_gpu_info Gpu::info() const noexcept {
    tio_gds_gpu_info info{};
    info.struct_size = sizeof(info);
    info.device = static_cast<uint32_t>(device_);
    info.waits = streams_wait_ ? TIO_WAITS_ON_STREAMS : TIO_WAITS_ON_HOST;
    info.fences = fences_;
    return info;
}

std::shared_ptr<RecordedPoint> Gpu::record(Stream stream) {
    const CurrentContext current(context_);
    // The lock makes the order in the watch that of the stream.
    const std::lock_guard<std::mutex> lock(mutex_);
    std::unique_ptr<StreamWatch>& watch = watches_[stream];
    if (watch == nullptr) watch = std::make_unique<StreamWatch>(context_);
    auto point = std::make_shared<RecordedPoint>(driver_, stream);
    watch->follow(point);
    return point;
}

std::shared_ptr<FlagPoint> Gpu::arm(uint32_t transfers) {
    const CurrentContext current(context_);
    return std::make_shared<FlagPoint>(*this, transfers);
}

void Gpu::make_wait(Stream stream, const RecordedPoint& point) const {
    const CurrentContext current(context_);
    driver_.check(driver_.stream_wait_event(stream, point.event(), 0), "cuStreamWaitEvent");
}

bool Gpu::make_wait(Stream stream, const FlagPoint& point) {
    if (!streams_wait_) return false;
    const CurrentContext current(context_);
    const FlagPool::Flag& flag = point.flag();
    const Result result = driver_.stream_wait_value32(stream, flag.address, flag.open_value, wait_value_geq);
    if (result == error_not_supported) {
        streams_wait_ = false;
        return false;
    }
    driver_.check(result, "cuStreamWaitValue32");
    return true;
}

}  // namespace tio::gds::cuda
