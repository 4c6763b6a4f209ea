#include "cuda/fence.h"

#include <string>
#include <utility>

namespace tio::gds::cuda {

namespace {

void require_success(const FencePoint& point) {
    const Outcome outcome = point.state().outcome;
    if (outcome.status == TIO_OK) return;
    throw Failure(outcome.status,
                  "the work before the fence failed: " + std::string(status_name(outcome.status)) +
                      ", code " + std::to_string(outcome.sys_errno));
}

}  // namespace

Fence::~Fence() {
    replace({});
    --gpu_.fences_;
}

void Fence::record(Stream stream) {
    renew([&] { return Points{gpu_.record(stream), nullptr}; });
}

void Fence::arm(uint32_t transfers) {
    if (transfers == 0) throw Failure(TIO_E_INVALID, "transfers is 0");
    renew([&] { return Points{nullptr, gpu_.arm(transfers)}; });
}

void Fence::signal(Outcome outcome) {
    const std::shared_ptr<FlagPoint> point = points().armed;
    if (point == nullptr) throw Failure(TIO_E_INVALID, "the fence is not armed");
    if (!point->promise())
        throw Failure(TIO_E_INVALID, "the fence already has all the transfers that it was armed for");
    point->signal(outcome);
}

uint32_t Fence::make_wait(Stream stream) {
    const Points points = this->points();
    const FencePoint& point = points.required();
    uint32_t how = TIO_WAIT_NOT_NEEDED;
    if (!point.state().passed) {
        if (points.recorded != nullptr) {
            gpu_.make_wait(stream, *points.recorded);
            return TIO_WAIT_BY_STREAM;
        }
        if (gpu_.make_wait(stream, *points.armed)) return TIO_WAIT_BY_STREAM;
        point.wait(-1);
        how = TIO_WAIT_BY_HOST;
    }
    require_success(point);
    return how;
}

bool Fence::wait(int32_t timeout_ms) const {
    const Points points = this->points();
    const FencePoint& point = points.required();
    if (!point.wait(timeout_ms)) return false;
    require_success(point);
    return true;
}

tio_gds_fence_state Fence::state() const {
    tio_gds_fence_state state{};
    state.struct_size = sizeof(state);
    const Points points = this->points();
    const FencePoint* point = points.get();
    if (point == nullptr) return state;
    const FencePoint::State now = point->state();
    state.state = !now.passed                    ? TIO_FENCE_PENDING
                  : now.outcome.status == TIO_OK ? TIO_FENCE_PASSED
                                                 : TIO_FENCE_FAILED;
    state.status = now.outcome.status;
    state.sys_errno = now.outcome.sys_errno;
    return state;
}

std::shared_ptr<KernelPoint> Fence::recorded() const {
    return points().recorded;
}

std::shared_ptr<TransferPoint> Fence::armed() const {
    return points().armed;
}

const FencePoint* Fence::Points::get() const noexcept {
    return recorded != nullptr ? static_cast<const FencePoint*>(recorded.get()) : armed.get();
}

const FencePoint& Fence::Points::required() const {
    const FencePoint* point = get();
    if (point == nullptr) throw Failure(TIO_E_INVALID, "the fence is neither recorded nor armed");
    return *point;
}

Fence::Points Fence::points() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return points_;
}

void Fence::replace(Points points) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        std::swap(points_, points);
    }
    if (points.armed != nullptr) points.armed->abandon();
}

template <typename Make>
void Fence::renew(Make make) {
    try {
        replace(make());
    } catch (...) {
        replace({});  // a former point would pass for the new one
        throw;
    }
}

}  // namespace tio::gds::cuda
