using System.Globalization;
using TeraIO.StandinTraining;
using TeraIO.Torch.Runtime;
using TorchSharp;

// The child process of the tests of the stand-in for libtorch_cuda. Prints lines that the tests compare or expect.
//   train DEVICE DROPOUT   some steps: each loss by its bits, and at the end a sum over each parameter
//   ops DEVICE             one line per op with the bits of what it gives
//   order                  whether a kernel waits for what is in its stream; only over the stand-in for libcuda
//   memory                 what the allocator's counters say around a training, freed blocks, closed storages
TorchRuntime.Initialize();
switch (args)
{
    case ["train", var device, var dropout]:
        foreach (float loss in Training.Run(torch.device(device), double.Parse(dropout, CultureInfo.InvariantCulture), steps: 6))
            Console.WriteLine($"{BitConverter.SingleToUInt32Bits(loss):x8} {loss.ToString("R", CultureInfo.InvariantCulture)}");
        return 0;
    case ["ops", var device]:
        Operators.Print(torch.device(device));
        return 0;
    case ["memory"]:
        MemoryChecks.Print();
        return 0;
    case ["order"]:
        KernelOrder.Print();
        return 0;
    default:
        Console.Error.WriteLine("train DEVICE DROPOUT, ops DEVICE, order or memory");
        return 2;
}
