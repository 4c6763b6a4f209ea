// The C ABI: pinned host memory.
#include <string>

#include "arguments.h"
#include "cuda/driver.h"

using namespace tio::gds;
using namespace tio::gds::cuda;

struct tio_gds_pin {
  public:
    tio_gds_pin(const Driver& driver, void* base, size_t length)
        : driver_(driver), context_(driver, 0), base_(base) {
        const CurrentContext current(context_);
        driver_.check(driver_.host_register(base_, length, host_register_portable),
                      ("cuMemHostRegister of " + std::to_string(length) + " bytes").c_str());
    }
    ~tio_gds_pin() {
        try {
            const CurrentContext current(context_);
            driver_.host_unregister(base_);
        } catch (const Failure&) {
            // The process's CUDA state is gone, and the registration with it.
        }
    }
    tio_gds_pin(const tio_gds_pin&) = delete;
    tio_gds_pin& operator=(const tio_gds_pin&) = delete;

  private:
    const Driver& driver_;
    PrimaryContext context_;
    void* base_;
};

tio_status tio_gds_host_pin(void* base, size_t length, tio_gds_pin** pin) {
    return guarded("tio_gds_host_pin", [&] {
        require_argument(pin, "pin");
        *pin = nullptr;
        require_argument(base, "base");
        if (length == 0) throw Failure(TIO_E_INVALID, "length is 0");
        *pin = new tio_gds_pin(Driver::shared(), base, length);
        return TIO_OK;
    });
}

tio_status tio_gds_host_unpin(tio_gds_pin* pin) {
    return guarded("tio_gds_host_unpin", [&] {
        delete pin;
        return TIO_OK;
    });
}
