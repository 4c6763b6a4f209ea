using System.Globalization;
using TeraIO.StandinTraining;
using TeraIO.Torch.Runtime;
using TorchSharp;

// train DEVICE DROPOUT: some steps; prints each loss by its bits, and at the end a sum over each parameter.
TorchRuntime.Initialize();
string device = args[1];
double dropout = double.Parse(args[2], CultureInfo.InvariantCulture);
if (device == "cuda" && !torch.cuda.is_available())
{
    Console.Error.WriteLine("CUDA is not available");
    return 1;
}

foreach (float loss in Training.Run(torch.device(device), dropout, steps: 6))
    Console.WriteLine($"{BitConverter.SingleToUInt32Bits(loss):x8} {loss.ToString("R", CultureInfo.InvariantCulture)}");
return 0;
