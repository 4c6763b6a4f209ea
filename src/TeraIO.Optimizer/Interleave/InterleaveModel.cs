using TeraIO.Core;

namespace TeraIO.Optimizer.Interleave;

/// <summary>
/// Predicts the time of an update of which a device does the share f, and the best f. The state of the device's subgroups (12 bytes per parameter) goes there and back,
/// the CPU's new parameters go there in the model's format; CPU, device and the two directions of the link work at once, so the slowest decides:
/// <c>T(f) = max((1-f)P/U_c, fP/U_d, (12f + n(1-f))P/B_in, 12fP/B_out) + fill</c>. All of these are linear in f, so T is convex, and its least value is at f = 0, at f = 1, or where two of them
/// are equal. The stride k of Deep Optimizer States (Middleware'24) is f = 1/k.
/// </summary>
/// <param name="rates">Measured.</param>
/// <param name="parameters">P, of the whole update.</param>
/// <param name="subgroupParameters">Of one subgroup: a device's pipeline starts and ends with one alone.</param>
/// <param name="modelBytes">n, bytes per parameter that go to the device for what the CPU updates: 2 for a 16-bit model on the device, 0 for a model in host memory.</param>
public sealed class InterleaveModel(UpdateRates rates, long parameters, long subgroupParameters, int modelBytes)
{
    private const int StateBytes = 12;

    // Intercept at f = 0 and at f = 1, in seconds.
    private readonly (double At0, double At1)[] _terms = Terms(rates, parameters, modelBytes);

    /// <summary>Predicted seconds of an update.</summary>
    /// <param name="share">f, in [0, 1].</param>
    public double Seconds(double share)
    {
        RequireShare(share);
        return _terms.Max(term => At(term, share)) + Fill(share);
    }

    /// <summary>The f with the least predicted time, pipeline fill left out of the choice but for f = 0, which has none.</summary>
    public double BestShare()
    {
        var candidates = new List<double> { 0, 1 };
        for (int i = 0; i < _terms.Length; i++)
        {
            for (int j = i + 1; j < _terms.Length; j++)
            {
                double slopes = _terms[i].At1 - _terms[i].At0 - (_terms[j].At1 - _terms[j].At0);
                double crossing = (_terms[j].At0 - _terms[i].At0) / slopes;
                if (crossing is > 0 and < 1) candidates.Add(crossing);
            }
        }

        return candidates.MinBy(Seconds);
    }

    private static (double At0, double At1)[] Terms(UpdateRates rates, long parameters, int modelBytes)
    {
        ArgumentNullException.ThrowIfNull(rates);
        if (!IsRate(rates.CpuUpdate) || !IsRate(rates.DeviceUpdate) || !IsRate(rates.HostToDevice) || !IsRate(rates.DeviceToHost))
            throw new ConfigurationException($"{rates} has a rate that is not a positive number: measure again.");
        double p = parameters;
        return
        [
            (p / rates.CpuUpdate, 0),
            (0, p / rates.DeviceUpdate),
            (modelBytes * p / rates.HostToDevice, StateBytes * p / rates.HostToDevice),
            (0, StateBytes * p / rates.DeviceToHost),
        ];
    }

    private static bool IsRate(double rate) => rate > 0 && double.IsFinite(rate);

    private static double At((double At0, double At1) term, double share) => ((1 - share) * term.At0) + (share * term.At1);

    /// <summary>While the first subgroup travels the device waits, while the last travels back everything else has ended: of the device's three stages the two that are not the slowest.</summary>
    private double Fill(double share)
    {
        if (share == 0) return 0;
        double s = Math.Min(subgroupParameters, share * parameters);
        double[] stages = [StateBytes * s / rates.HostToDevice, s / rates.DeviceUpdate, StateBytes * s / rates.DeviceToHost];
        return stages.Sum() - stages.Max();
    }

    private static void RequireShare(double share)
    {
        if (!(share >= 0 && share <= 1)) throw new ArgumentOutOfRangeException(nameof(share), share, "A share of the update is in [0, 1].");
    }
}
