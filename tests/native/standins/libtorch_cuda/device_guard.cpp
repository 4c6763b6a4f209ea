#include "device_guard.h"

#include "caching_allocator.h"
#include "gpu.h"
#include "torch_abi.h"

namespace tio::standin::torch {

namespace {

constexpr c10::Device device{c10::DeviceType::CUDA, 0};
// The default stream; the id is what libtorch gives it, and its cudaStream_t is null.
constexpr c10::Stream default_stream{device, 0};

// Kernels have run when the call that launches them returns, so events and streams are always through.
class Guard final : public c10::impl::DeviceGuardImplInterface {
  public:
    c10::DeviceType type() const override { return device.type; }
    c10::Device exchange_device(c10::Device) const override { return device; }
    c10::Device get_device() const override { return device; }
    void set_device(c10::Device) const override {}
    void unchecked_set_device(c10::Device) const noexcept override {}
    c10::Stream get_stream(c10::Device) const override { return default_stream; }
    c10::Stream get_default_stream(c10::Device) const override { return default_stream; }
    c10::Stream get_stream_from_global_pool(c10::Device, bool) const override { return default_stream; }
    c10::Stream get_new_stream(c10::Device, int) const override { return default_stream; }
    c10::Stream exchange_stream(c10::Stream) const override { return default_stream; }
    void destroy_event(void*, c10::DeviceIndex) const noexcept override {}
    void record(void** event, const c10::Stream&, c10::DeviceIndex, c10::impl::EventFlag) const override {
        static char recorded;
        *event = &recorded;
    }
    void block(void*, const c10::Stream&) const override {}
    bool query_event(void*) const override { return true; }
    c10::DeviceIndex device_count() const noexcept override { return 1; }
    bool query_stream(const c10::Stream&) const override { return true; }
    void synchronize_stream(const c10::Stream&) const override { const KernelTurn turn; }
    void synchronize_event(void*) const override {}
    void synchronize_device(c10::DeviceIndex) const override { const KernelTurn turn; }
    void record_data_ptr_on_stream(const c10::DataPtr& pointer, const c10::Stream& stream) const override {
        current_allocator().record_stream(pointer, stream);
    }
    double elapsed_time(void*, void*, c10::DeviceIndex) const override { return 0; }
};

}  // namespace

void install_device_guard() {
    // Leaked: libtorch may use it until the process is gone.
    c10::impl::registerDeviceGuard(c10::DeviceType::CUDA, new Guard);
}

}  // namespace tio::standin::torch
