//! [`Progress`]: how far the images of one push are, in a line. Pure.

use std::collections::BTreeMap;

use hob_engine::docker::PushProgress;

use crate::render::bytes;

/// All images that are pushed, those that are there among them.
#[derive(Debug, Clone)]
pub struct Progress {
    count: usize,
    /// As far as the engine told of them, by service.
    images: BTreeMap<String, Image>,
}

#[derive(Debug, Clone, Copy)]
struct Image {
    is_sent: bool,
    at: PushProgress,
}

impl Progress {
    /// Of so many images.
    pub fn new(count: usize) -> Self {
        Self {
            count,
            images: BTreeMap::new(),
        }
    }

    /// Takes in how far an image is. True where the registry did not take more
    /// layers of it than before.
    pub fn goes(&mut self, service: &str, at: PushProgress) -> bool {
        let now = Image { is_sent: false, at };
        let before = self.images.insert(service.to_owned(), now);
        at.waiting > before.map_or(0, |it| it.at.waiting)
    }

    /// An image is not pushed any more: it is there, or failed.
    pub fn ended(&mut self, service: &str, is_sent: bool) {
        if let Some(image) = self.images.get_mut(service) {
            image.is_sent = is_sent;
            image.at.waiting = 0;
        }
        if !is_sent {
            self.images.remove(service);
        }
    }

    /// What is under way: the sum of it all, and then the images as far as the
    /// line has at most so many columns. None when nothing is.
    pub fn line(&self, columns: usize) -> Option<String> {
        let on_their_way = self.images.iter().filter(|(_, it)| !it.is_sent);
        let on_their_way: Vec<_> = on_their_way.map(|(name, it)| (name, it.at)).collect();
        // What does not go on is to be seen before all that does.
        if let Some((name, _)) = on_their_way.iter().find(|(_, at)| at.waiting > 0) {
            let why = "the registry does not take it; waiting to try again";
            return Some(format!("pushing {name}: {why}"));
        }
        let (first, at) = on_their_way.first()?;
        if self.count == 1 {
            return Some(format!("pushing {first}: {}", far(at)));
        }
        let mut sum = PushProgress::default();
        for Image { at, .. } in self.images.values() {
            sum.done += at.done;
            sum.layers += at.layers;
            sum.sent += at.sent;
            sum.total += at.total;
        }
        let mut line = format!("pushing {} images: {}", self.count, far(&sum));
        for (name, at) in &on_their_way {
            let part = format!("; {name} {}/{}", at.done, at.layers);
            if line.len() + part.len() > columns {
                break;
            }
            line.push_str(&part);
        }
        Some(line)
    }
}

fn far(it: &PushProgress) -> String {
    let size = match it.total {
        0 => String::new(),
        total => format!(", {} of {}", bytes(it.sent), bytes(total)),
    };
    format!("{} of {} layers{size}", it.done, it.layers)
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData, assert_data_eq, str};

    use super::*;

    fn at(done: usize, sent: u64, waiting: usize) -> PushProgress {
        PushProgress {
            done,
            layers: 3,
            sent: sent << 20,
            total: 340 << 20,
            waiting,
        }
    }

    fn check(progress: &Progress, columns: usize, expected: impl IntoData) {
        assert_data_eq!(progress.line(columns).unwrap_or_default(), expected);
    }

    #[test]
    fn the_sum_is_always_there_and_images_as_far_as_they_fit() {
        let mut progress = Progress::new(4);
        check(&progress, 70, str![""]);
        for (name, done) in [("shop/adieu", 1), ("shop/hello", 0), ("shop/web", 2)] {
            progress.goes(name, at(done, 20, 0));
        }
        check(
            &progress,
            10,
            str!["pushing 4 images: 3 of 9 layers, 60 MiB of 1020 MiB"],
        );
        check(
            &progress,
            75,
            str!["pushing 4 images: 3 of 9 layers, 60 MiB of 1020 MiB; shop/adieu 1/3"],
        );
        check(
            &progress,
            100,
            str![
                "pushing 4 images: 3 of 9 layers, 60 MiB of 1020 MiB; shop/adieu 1/3; shop/hello 0/3; shop/web 2/3"
            ],
        );
        // What was sent counts on, and is shown no more.
        progress.ended("shop/adieu", true);
        check(
            &progress,
            100,
            str![
                "pushing 4 images: 3 of 9 layers, 60 MiB of 1020 MiB; shop/hello 0/3; shop/web 2/3"
            ],
        );
    }

    #[test]
    fn what_is_not_taken_is_told_before_all_else() {
        let mut progress = Progress::new(2);
        assert!(!progress.goes("shop/adieu", at(1, 20, 0)));
        assert!(progress.goes("shop/web", at(1, 20, 1)));
        assert!(!progress.goes("shop/web", at(1, 21, 1)));
        assert!(progress.goes("shop/web", at(1, 21, 2)));
        check(
            &progress,
            140,
            str!["pushing shop/web: the registry does not take it; waiting to try again"],
        );
        // Another try begins with nothing.
        progress.ended("shop/web", false);
        check(
            &progress,
            140,
            str!["pushing 2 images: 1 of 3 layers, 20 MiB of 340 MiB; shop/adieu 1/3"],
        );
    }

    #[test]
    fn one_image_has_no_sum() {
        let mut progress = Progress::new(1);
        progress.goes("shop/web", at(1, 20, 0));
        check(
            &progress,
            10,
            str!["pushing shop/web: 1 of 3 layers, 20 MiB of 340 MiB"],
        );
        progress.ended("shop/web", true);
        check(&progress, 10, str![""]);
    }
}
