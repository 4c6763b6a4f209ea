using TeraIO.Core.Tracing;
using TeraIO.Planner.Synthesis.Layers;

namespace TeraIO.Planner.Synthesis;

/// <summary>
/// Clipping and the update. Fused: one op per weight. Eager: TorchSharp's AdamW of nine ops per weight, with two temporaries of its size. All gradients are
/// freed after the last op, as setting them to none does.
/// </summary>
internal sealed class OptimizerStep(IterationRecorder recorder, WeightTable weights)
{
    private bool IsMixed => recorder.Options.Precision == TrainingPrecision.Bf16Mixed;

    private sealed record State(int Master, int First, int Second);

    /// <summary>The ops; call it after the last backward.</summary>
    public void Record()
    {
        recorder.Phase = OpPhase.Update;
        recorder.Module = null;
        Weight[] updated = [.. weights.All.Where(static w => w.Gradient >= 0)];
        SynchroniseTiedHead(updated);
        if (recorder.Options.ClipsGradients)
        {
            foreach (Weight weight in updated) recorder.Op("aten::norm.Scalar").Reads(weight.Gradient);
            foreach (Weight weight in updated) recorder.Op("aten::mul_.Tensor").Updates(weight.Gradient);
        }

        // Matrices first: they are a parameter group of their own.
        foreach (Weight weight in updated.OrderByDescending(static w => w.Decays)) Update(weight);
        foreach (Weight weight in updated) recorder.Frees(weight.Gradient);
    }

    /// <summary>First and last stage both have the embedding when it is tied; their gradients are added up.</summary>
    private void SynchroniseTiedHead(Weight[] updated)
    {
        SynthesisOptions options = recorder.Options;
        if (options.PipelineParallel == 1 || !options.Model.IsTied || (!options.IsFirstStage && !options.IsLastStage)) return;
        foreach (Weight weight in updated.Where(static w => w.Spec.Module == "tokens")) Communication.AllReduceBetweenStages(recorder, weight.Gradient);
    }

    private void Update(Weight weight)
    {
        State state = StateOf(weight);
        if (!recorder.Options.IsEager)
        {
            recorder.Op(recorder.Options.Optimizer == OptimizerKind.AdamW ? "aten::_fused_adamw_" : "aten::_fused_sgd_");
            recorder.Reads(weight.Gradient).Updates(state.Master, state.First);
            if (state.Second >= 0) recorder.Updates(state.Second);
            if (IsMixed) recorder.Updates(weight.Parameter);
            return;
        }

        int gradient = weight.Gradient;
        if (IsMixed)
        {
            gradient = recorder.Transient(weight.Elements, sizeof(float), $"{weight.Spec.Name}.grad.fp32");
            recorder.Op("aten::_to_copy").Reads(weight.Gradient).Creates(gradient);
        }

        if (recorder.Options.Optimizer == OptimizerKind.AdamW) UpdateAdamW(weight, state, gradient);
        else UpdateSgd(weight, state, gradient);
        if (IsMixed) recorder.Op("aten::copy_").Reads(state.Master).Updates(weight.Parameter);
    }

    private State StateOf(Weight weight)
    {
        int master = IsMixed ? New("master") : weight.Parameter;
        return recorder.Options.Optimizer == OptimizerKind.AdamW
            ? new State(master, New("exp_avg"), New("exp_avg_sq"))
            : new State(master, New("momentum_buffer"), -1);

        int New(string name) => recorder.Persistent(weight.Elements, sizeof(float), TensorKind.OptimizerState, $"{weight.Spec.Name}.{name}");
    }

    private void UpdateAdamW(Weight weight, State state, int gradient)
    {
        if (weight.Decays) recorder.Op("aten::mul_.Scalar").Updates(state.Master);
        recorder.Op("aten::mul_.Scalar").Updates(state.First);
        recorder.Op("aten::add_.Tensor").Updates(state.First).Reads(gradient);
        recorder.Op("aten::mul_.Scalar").Updates(state.Second);
        recorder.Op("aten::addcmul_").Updates(state.Second).Reads(gradient);
        int root = recorder.Transient(weight.Elements, sizeof(float), $"{weight.Spec.Name}.root");
        recorder.Op("aten::sqrt").Reads(state.Second).Creates(root);
        int denominator = recorder.Transient(weight.Elements, sizeof(float), $"{weight.Spec.Name}.denominator");
        recorder.Op("aten::div.Scalar").Reads(root).Creates(denominator);
        recorder.Op("aten::add_.Scalar").Updates(denominator);
        // TorchSharp keeps the root until the weight is done.
        recorder.Op("aten::addcdiv_").Updates(state.Master).Reads(state.First, denominator).Frees(root);
    }

    private void UpdateSgd(Weight weight, State state, int gradient)
    {
        if (weight.Decays)
        {
            int decayed = recorder.Transient(weight.Elements, sizeof(float), $"{weight.Spec.Name}.decayed");
            recorder.Op("aten::add.Tensor").Reads(gradient, state.Master).Creates(decayed);
            gradient = decayed;
        }

        recorder.Op("aten::mul_.Scalar").Updates(state.First);
        recorder.Op("aten::add_.Tensor").Updates(state.First).Reads(gradient);
        recorder.Op("aten::add_.Tensor").Updates(state.Master).Reads(state.First);
    }
}
