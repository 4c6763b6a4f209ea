#include "device_proof.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <vector>

#include "proof_tools.h"
#include "record_hook.h"
#include "storage_view.h"

namespace tio {

namespace {

class DeviceProof {
  public:
    DeviceProof(const Symbols& symbols, const Layout& layout, DeviceGate& gate)
        : symbols_(symbols), layout_(layout), gate_(gate), device_{abi::kCuda, gate.index()} {
        witness_.fill(handlers_);
        gate_.set_limit(0, 0);
        gate_.set_handlers(&handlers_, kMatrixBytes);
    }
    ~DeviceProof() { gate_.set_handlers(nullptr, 0); }
    DeviceProof(const DeviceProof&) = delete;
    DeviceProof& operator=(const DeviceProof&) = delete;

    std::string run() {
        void* data = nullptr;
        {
            ProofTensor tensor(symbols_, {kSide, kSide}, kFloat32, device_);
            if (tensor.handle() == nullptr)
                return "cannot create a tensor on " + name() + " through libtorch's C ABI";
            data = tensor.data();
            std::string differs = arrival(tensor);
            if (differs.empty()) differs = raw_deleter();
            if (differs.empty()) differs = recorded_streams(tensor);
            if (differs.empty()) differs = current_stream();
            if (differs.empty()) differs = round_trip(tensor);
            if (differs.empty()) differs = ops(tensor);
            if (!differs.empty()) return differs;
            compare_statistics();
            data = tensor.data();
        }
        const bool seen =
            std::find(witness_.freed.begin(), witness_.freed.end(), data) != witness_.freed.end();
        return seen ? std::string() : "CUDA allocator: the free of a tensor on the device was not seen";
    }

  private:
    std::string name() const { return "CUDA device " + std::to_string(gate_.index()); }

    std::string arrival(const ProofTensor& tensor) const {
        const std::pair<void*, uint64_t> expected{tensor.data(), kMatrixBytes};
        if (std::find(witness_.allocated.begin(), witness_.allocated.end(), expected) ==
            witness_.allocated.end()) {
            return "CUDA allocator: allocate is not where expected, a new tensor's memory did not come "
                   "through "
                   "the gate";
        }
        StorageView view(tensor.storage(layout_), layout_);
        if (view.device().type != abi::kCuda || view.device().index != gate_.index())
            return "StorageImpl: the device of a tensor on " + name() + " is not where expected";
        if (view.data() != tensor.data())
            return "StorageImpl: data pointer on the device differs from what libtorch reports";
        if (view.bytes() != kMatrixBytes) return "StorageImpl: size on the device differs";
        if (view.allocator() != gate_.allocator())
            return "StorageImpl: allocator of a tensor on the device is not the one that libtorch registered";
        return view.movable(gate_) ? std::string()
                                   : "StorageImpl: a fresh tensor on the device is not movable";
    }

    std::string raw_deleter() const {
        return gate_.owns(gate_.allocator()->raw_deleter())
                   ? std::string()
                   : "CUDA allocator: raw_deleter is not where expected";
    }

    // Through libtorch's own order: DeviceAllocator's recordStream hands over to CUDAAllocator's, so one call
    // passes both entries. The stream is the default one, which the block was allocated on: nothing is
    // recorded that would have to be waited for.
    std::string recorded_streams(const ProofTensor& tensor) const {
        const StorageView view(tensor.storage(layout_), layout_);
        auto* allocator = static_cast<abi::DeviceAllocator*>(gate_.allocator());
        const DeviceGate::RecordedStreams before = DeviceGate::recorded_streams();
        try {
            allocator->record_stream(view.data_ptr(), {device_, 0});
        } catch (const std::exception& e) {
            return std::string("CUDA allocator: recordStream of a tensor on the device failed: ") + e.what();
        }
        const DeviceGate::RecordedStreams after = DeviceGate::recorded_streams();
        if (after.generic != before.generic + 1)
            return "CUDA allocator: DeviceAllocator's recordStream is not where expected";
        if (after.cuda != before.cuda + 1)
            return "CUDA allocator: CUDAAllocator's recordStream is not where expected";
        return after.deleter_at_cuda == gate_.default_deleter()
                   ? std::string()
                   : "CUDA allocator: recordStream was not given the block with the allocator's own deleter";
    }

    std::string current_stream() const {
        void* stream = nullptr;
        return gate_.current_stream(&stream) ? std::string()
                                             : "libtorch does not tell the current stream of " + name();
    }

    std::string round_trip(const ProofTensor& tensor) {
        ProofTensor other(symbols_, {kSide, kSide}, kFloat32, device_);
        ProofTensor source(symbols_, {kSide, kSide}, kFloat32);
        ProofTensor target(symbols_, {kSide, kSide}, kFloat32);
        for (const ProofTensor* each : {&other, &source, &target}) {
            if (each->handle() == nullptr) return "cannot create a tensor through libtorch's C ABI";
        }
        for (uint64_t i = 0; i < kMatrixBytes; ++i)
            static_cast<char*>(source.data())[i] = static_cast<char>(i * 31 + 7);
        const auto copy = [&](const ProofTensor& to, const ProofTensor& from) {
            symbols_.copy(to.handle(), from.handle(), false);
        };
        StorageView view(tensor.storage(layout_), layout_);
        void* before = view.data();
        const auto refuses = [&] {
            return throws([&] { copy(other, tensor); }) &&
                   throws([&] { symbols_.native_zero(tensor.handle()); });
        };
        try {
            view.release(gate_);
            if (view.bytes() != kMatrixBytes || !gate_.is_tombstone(view.data()) || gate_.knows(before))
                return "release: the storage does not hold a tombstone afterwards, or its memory is still "
                       "there";
            if (!refuses()) return "release: libtorch still reads or writes a released storage on the device";
            view.restore(gate_);
            if (gate_.is_tombstone(view.data()) || view.device().index != gate_.index())
                return "restore: the storage has no memory of the device afterwards";
            if (!refuses()) return "restore: a restored storage is open too early";
            view.set_open(true);
            copy(tensor, source);
            copy(target, tensor);
        } catch (const std::exception& e) {
            return std::string("release and restore on the device failed inside libtorch: ") + e.what();
        }
        return std::memcmp(source.data(), target.data(), kMatrixBytes) == 0
                   ? std::string()
                   : "restore: bytes written to the device did not come back";
    }

    // Operands on the device are reported, those on the CPU are not.
    std::string ops(const ProofTensor& tensor) {
        ProofTensor on_cpu(symbols_, {kSide, kSide}, kFloat32);
        if (on_cpu.handle() == nullptr) return "cannot create a CPU tensor through libtorch's C ABI";
        void* copy = nullptr;
        RecordHook::install(symbols_, layout_, gate_, &handlers_, {kMatrixBytes, 0});
        int32_t failed = symbols_.zero(tensor.handle());
        failed |= symbols_.clone(on_cpu.handle(), &copy);
        RecordHook::uninstall();
        if (copy != nullptr) symbols_.delete_tensor(copy);
        if (failed != 0) return "a proof op failed inside libtorch";
        std::string differs =
            check_operand(witness_.find("aten::zero_(Tensor(a!) self)", true), "aten::zero_ on the device", 0,
                          tensor.storage(layout_), tensor.data(), 0);
        if (differs.empty() && witness_.find("aten::clone(", true) != nullptr)
            differs = "aten::clone on the CPU: an operand was reported that is not on the device";
        return differs;
    }

    // Nothing depends on them, so a difference is no refusal: they are not told then. Other threads may
    // allocate meanwhile, too.
    void compare_statistics() const {
        constexpr uint64_t kRounding = uint64_t{2} << 20;
        const DeviceGate::Statistics before = gate_.statistics();
        const ProofTensor tensor(symbols_, {kSide, kSide}, kFloat32, device_);
        const DeviceGate::Statistics after = gate_.statistics();
        const uint64_t grown = after.allocated - before.allocated;
        gate_.believe_statistics(tensor.handle() != nullptr && grown >= kMatrixBytes &&
                                 grown <= kMatrixBytes + kRounding && after.reserved >= after.allocated);
    }

    const Symbols& symbols_;
    const Layout& layout_;
    DeviceGate& gate_;
    abi::Device device_;
    Witness witness_;
    tio_obs_handlers handlers_{};
};

}  // namespace

std::string prove_device(const Symbols& symbols, const Layout& layout, DeviceGate& gate) {
    return DeviceProof(symbols, layout, gate).run();
}

}  // namespace tio
