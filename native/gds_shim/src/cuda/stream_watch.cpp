#include "cuda/stream_watch.h"

namespace tio::gds::cuda {

StreamWatch::StreamWatch(const PrimaryContext& context)
    : thread_(context, [&driver = context.driver()](const std::shared_ptr<RecordedPoint>& point) {
          const Result result = driver.event_synchronize(point->event());
          // After an error nobody knows what the kernels do: what comes after them fails and touches nothing.
          point->finished(result == success ? Outcome{} : Outcome{TIO_E_DEVICE, result});
      }) {}

}  // namespace tio::gds::cuda
