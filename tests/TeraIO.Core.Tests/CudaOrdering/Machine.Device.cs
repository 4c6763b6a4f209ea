namespace TeraIO.Core.Tests.CudaOrdering;

/// <summary>Compute streams, the threads that watch them, copy streams, and the thread of the storage queue.</summary>
internal sealed partial class Machine
{
    private IEnumerable<(string, Machine)> StreamSteps()
    {
        for (int i = 0; i < _streams.Length; i++)
        {
            int stream = i;
            if (_streams[stream] is not [var head, ..])
                continue;
            switch (head.Kind)
            {
                case Item.Kernel when !head.Began:
                    yield return Step($"stream {stream}: a kernel on tensor {head.Subject} begins", next => next.BeginKernel(stream));
                    break;
                case Item.Kernel:
                    yield return Step($"stream {stream}: the kernel on tensor {head.Subject} ends", next => next.EndKernel(stream));
                    break;
                case Item.Event:
                    yield return Step($"stream {stream}: event {head.Subject}", next =>
                    {
                        next._points[head.Subject] = next._points[head.Subject] with { Reached = true };
                        next._streams[stream].RemoveAt(0);
                    });
                    break;
                case Item.WaitForWord when _words[head.Subject] >= head.Value:
                    yield return Step($"stream {stream}: goes on, word {head.Subject} is open", next => next._streams[stream].RemoveAt(0));
                    break;
            }
        }
    }

    private void BeginKernel(int stream)
    {
        var kernel = _streams[stream][0];
        Require(_places[kernel.Place] == new Bytes(kernel.Subject, kernel.Value),
            $"a kernel finds {_places[kernel.Place]} where tensor {kernel.Subject} in version {kernel.Value} should be");
        _streams[stream][0] = kernel with { Began = true, IsWrong = _places[kernel.Place] != new Bytes(kernel.Subject, kernel.Value) };
        if (kernel.Writes)
            _places[kernel.Place] = InWork(kernel.Subject);
    }

    private void EndKernel(int stream)
    {
        var kernel = _streams[stream][0];
        var expected = kernel.Writes ? InWork(kernel.Subject) : new Bytes(kernel.Subject, kernel.Value);
        Require(_places[kernel.Place] == expected, "memory changes under a kernel");
        if (kernel.Writes)
            _places[kernel.Place] = kernel.IsWrong ? _garbage : new Bytes(kernel.Subject, kernel.Value + 1);
        _streams[stream].RemoveAt(0);
    }

    private IEnumerable<(string, Machine)> WatchSteps()
    {
        for (int i = 0; i < _watched.Length; i++)
        {
            int watch = i;
            if (_watched[watch] is not [var point, ..] || !_points[point].Reached)
                continue;
            if (!_points[point].Noticed)
                yield return Step($"watch {watch}: the kernels before event {point} have finished", next => next.Notice(point));
            else if (!QueueIsLocked)
                yield return Step($"watch {watch}: tells the queue of event {point}", next => next.Release(watch, point));
        }
    }

    private void Notice(int point)
    {
        _points[point] = _points[point] with { Noticed = true };
        // Whoever subscribes from now on is not heard.
        if (Array.Exists(_requests, request => request is { Subscribed: true } && request.After == point))
            _notifying.Add(point);
    }

    private void Release(int watch, int point)
    {
        _watched[watch].RemoveAt(0);
        if (!_notifying.Remove(point))
            return;
        for (int i = 0; i < _requests.Length; i++)
        {
            if (_requests[i] is { Phase: Phase.Held } request && request.After == point)
                Change(i, static r => r with { Phase = Phase.Queued });
        }
    }

    private IEnumerable<(string, Machine)> CopySteps()
    {
        for (int i = 0; i < _copies.Length; i++)
        {
            int direction = i;
            if (_copies[direction] is not [var head, ..])
                continue;
            if (head.Point != None)
            {
                if (_points[head.Point].Reached)
                    yield return Step($"copy stream {direction}: goes on after event {head.Point}", next => next._copies[direction].RemoveAt(0));
                continue;
            }
            yield return head.Began
                ? Step($"copy stream {direction}: the copy of request {head.Request} ends", next => next.EndCopy(direction))
                : Step($"copy stream {direction}: the copy of request {head.Request} begins", next => next.BeginCopy(direction));
        }
    }

    private void BeginCopy(int direction)
    {
        var copy = _copies[direction][0];
        var request = _requests[copy.Request]!;
        _copies[direction][0] = copy with { Began = true };
        if (request.IsWrite)
        {
            Require(_places[request.Place] == new Bytes(request.Tensor, request.Version),
                $"a copy finds {_places[request.Place]} where tensor {request.Tensor} in version {request.Version} should be");
            _slots[copy.Slot] = _places[request.Place];
        }
        else
        {
            _places[request.Place] = _garbage;
        }
    }

    private void EndCopy(int direction)
    {
        var copy = _copies[direction][0];
        var request = _requests[copy.Request]!;
        _copies[direction].RemoveAt(0);
        if (request.IsWrite)
        {
            Require(_places[request.Place] == _slots[copy.Slot], "memory changes under a copy to the host");
        }
        else
        {
            Require(_places[request.Place] == _garbage, "memory changes under a copy to the device");
            Require(_slots[copy.Slot] == new Bytes(request.Tensor, request.Version), $"a copy finds {_slots[copy.Slot]} in its slot");
            _places[request.Place] = _slots[copy.Slot];
        }
        if (request.Phase == Phase.Copying)
            Change(copy.Request, static r => r with { Phase = Phase.Copied });
    }

    private IEnumerable<(string, Machine)> StorageSteps()
    {
        // The queue's thread needs the lock for every one of these.
        if (QueueIsLocked || (Defect == Defect.SignalsUnderTheEnginesLock && _lockedBy != None))
            yield break;
        int slot = Array.IndexOf(_slotOwners, None);
        for (int i = 0; i < _requests.Length; i++)
        {
            int index = i;
            if (_requests[index] is not { } request)
                continue;
            switch (request.Phase)
            {
                case Phase.Queued when slot != None:
                    yield return Step($"storage: takes request {index}", next => next.Take(index, slot));
                    break;
                case Phase.Reading:
                    yield return Step($"storage: the file's bytes of request {index} are in slot {request.Slot}", next => next.HasRead(index));
                    break;
                case Phase.Copied when request.IsWrite && !request.Cancelled:
                    yield return Step($"storage: writes request {index} to the file", next => next.Change(index, static r => r with { Phase = Phase.Writing }));
                    break;
                case Phase.Copied:
                    yield return Step($"storage: request {index} is complete", next => next.Complete(index, failed: request.IsWrite));
                    break;
                case Phase.Writing:
                    yield return Step($"storage: request {index} is in the file", next => next.HasWritten(index));
                    break;
                default:
                    continue;
            }
            // What is on its way may fail, and may be stopped where it was asked to.
            bool onItsWay = request.Phase is Phase.Reading or Phase.Copied or Phase.Writing;
            if (onItsWay && (_failuresLeft > 0 || (request.Cancelled && request.Phase != Phase.Copied)))
                yield return Step($"storage: request {index} fails", next => next.FailOnItsWay(index));
        }
    }

    private void Take(int index, int slot)
    {
        _slotOwners[slot] = index;
        _slots[slot] = _garbage;
        Change(index, r => r with { Slot = slot, Phase = Phase.Reading });
        if (_requests[index]!.IsWrite)
            EnqueueCopy(index);
    }

    private void HasRead(int index)
    {
        var request = _requests[index]!;
        _slots[request.Slot] = new Bytes(request.Tensor, _files[request.Tensor]);
        if (Defect == Defect.SignalsBeforeTheCopy && request.Arming != None)
        {
            Signal(request.Arming, failed: false);
            Change(index, static r => r with { Arming = None });
        }
        EnqueueCopy(index);
    }

    private void EnqueueCopy(int index)
    {
        var request = _requests[index]!;
        var stream = _copies[request.IsWrite ? 0 : 1];
        if (Defect == Defect.WaitsInTheCopyStream && request.After != None)
            stream.Add(new CopyItem(index, Point: request.After));
        stream.Add(new CopyItem(index, request.Slot));
        Change(index, r => r with { Phase = Defect == Defect.DoesNotAwaitCopies ? Phase.Copied : Phase.Copying });
    }

    private void HasWritten(int index)
    {
        var request = _requests[index]!;
        Require(_slots[request.Slot] == new Bytes(request.Tensor, request.Version), $"the file gets {_slots[request.Slot]}");
        _files[request.Tensor] = request.Version;
        _isWrongOnFile[request.Tensor] = _slots[request.Slot] != new Bytes(request.Tensor, request.Version);
        Complete(index, failed: false);
    }

    private void FailOnItsWay(int index)
    {
        var request = _requests[index]!;
        if (!request.Cancelled)
            _failuresLeft--;
        if (request.Cancelled || request.RetriesLeft == 0)
        {
            Complete(index, failed: true);
            return;
        }
        _slotOwners[request.Slot] = None;
        Change(index, static r => r with { Phase = Phase.Failing, Slot = None, RetriesLeft = r.RetriesLeft - 1, Subscribed = false });
    }

    private void Complete(int index, bool failed)
    {
        var request = _requests[index]!;
        if (request.Slot != None)
            _slotOwners[request.Slot] = None;
        Change(index, r => r with { Phase = Phase.Completed, Slot = None, Failed = failed, Subscribed = false });
        _anythingFailed |= failed;
        bool tellsNobody = failed && Defect == (request.Cancelled ? Defect.CancelSignalsNobody : Defect.FailureSignalsNobody);
        if (request.Arming != None && !tellsNobody)
            Signal(request.Arming, failed);
    }
}
