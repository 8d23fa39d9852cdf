//! The stores of microcontrollers: flash and FAT, with a loss of power at every write.

mod card_operations;
mod fat_card;
mod files;
mod flash_slots;
mod image;
mod polled;
mod power_loss;
mod slots_resume;
